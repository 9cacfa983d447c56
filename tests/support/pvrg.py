"""Files of the Stanford PVRG codec, in which DDSM was published, one for each predictor and precision.

Written with `pvrg-jpeg -iw WIDTH -ih HEIGHT -k SELECTION -p BITS` (Debian's pvrg-jpeg 1.2.1) from the 9 x 7 pixels of
`pixels`; for odd selection values width and height were exchanged, as in part of DDSM.
"""

from __future__ import annotations

from base64 import b85decode

import numpy as np

LINES, WIDTH = 9, 7


def pixels(bits: int) -> np.ndarray:
    """The grey values that the files hold: `uint16 (9, 7)`."""
    r, c = np.mgrid[:LINES, :WIDTH]
    rough = r * r * 37 + c * c * c * 11 + r * c * 53 + (r * 7 + c * 13) % 5 * 29
    wide = r * r * 937 + c * c * c * 411 + r * c * 1553
    return np.asarray((rough if bits == 12 else wide) % (1 << bits), np.uint16)


def ljpeg(bits: int, selection: int) -> bytes:
    """A file by its precision (12 or 16) and the selection value of its predictor (1 to 7)."""
    return b85decode("".join(_FILES[bits, selection]))


_FILES = {
    (12, 1): (
        "|JeV-01FHN2LK5H0TBTI!~h%s00RL40|5a500000000002?`7g1qTQN2LIXs2mt{A0RRA>{{XnTGEi4pmqZD#{>1y)j7HN>$uj5e"
        "`}D~^+puUeCb<Fikv3@81g5G!KT?;1*2XWDBolZ{h({R3nVq^+gZM+w7Nw3^9TuIYWTF^mn{5nywIbyhDBZFAa=HfV(f`>"
    ),
    (12, 2): (
        "|JeV-01FHN2>=HH0TBTI!~hxq0RaF50RaF200000000002?_`c3<m=L+5iXv0RRF30O$Vz(8HnAOy;kdUT6J(?=pS0Gg=VLsm<(y"
        "QZuo#dHsnfS5OxnYoiqRI9hjcfTV67oc3=P3MQqu{;^#Z){fo!rQ+GA>Kmm8(ypm`$t`8nsjAPXJ~N8lx<CKf"
    ),
    (12, 3): (
        "|JeV-01FHN2LK5H0TBTI!~hup0RaI40RaF200000000003knPg0to-w00;pA00RI3&;AS`=re`$E8U+3;AH9b1zuYzX%66N@qq<-"
        "-rJq(h?B#k2OCRS-2|FyrZlvG#W7dcNNg;{=44Fl3ta8`S!D`CNlEOKvqHgdOw?wT8*sb^lo9gyQ2zimGC7m%5lmQl|Je"
    ),
    (12, 4): (
        "|JeV-01FHN2>=HH0TBTI!~h%s00IL600RI300000000002M7iU3<?Dc4gcBz2mt{A1ONcf{$lcWQER<2`w$D_HyB3aO+;->)JEe7"
        "+-a$a#+r!SVH=HSqBk09BXPcc8|>o<+-azd#=Q|6j3aTd8gHcNZfYZOgl;s}^&Dxaj|MLKM;rgy"
    ),
    (12, 5): (
        "|JeV-01FHN2LK5H0TBTI!~h!r00IL60RaF200000000002?_`c3<U=R|Jncu0RaF7007Vb0PI~dP*+)&#0=N}0AhV6*lB^B+bK{Q"
        "v~<V5+kH4jIH(<LAsJ-$JJVH&%uHSxI?ltF<2)_dkuNGc=Bci77<KN>_Nz-8dlXaMaBiTH3@CT$@_5UT{7!e7+*(b6WC#D*"
    ),
    (12, 6): (
        "|JeV-01FHN2>=HH0TBTI!~h!r0RaF50RaI300000000002?z%Y3<U%R|Jncu0RaF8008Iz0MUm;Jy?Rj2X73&`8y-&zij-mRMB3V"
        "50VqaJ277NPE%3nh4DSeX}S|hFx(i|vV%b`%0;B(Iy7qoVK&?_{USRJsCHw3fWEFfsMs(_XAl1XN)E=q|Je"
    ),
    (12, 7): (
        "|JeV-01FHN2LK5H0TBTI!~hup0RaI40RaF200000000003JVMg2nGMz00;pA00#g7&;A%f8DimI!Co2T!LLucbi1Dwa^eL({{VNS"
        "2e(d(ALqRc9b`mrUYUAovxH8)G^vMmT^!{6RLqEzT<r_%X#&$e+!~cjDruOb=$FQz&8ZDhi1~UNhVKQ{QL8ZLgnJkN*#"
    ),
    (16, 1): (
        "|JeV-01FTR2LK5H0TBTI!~hxq0RaI30|5X400000000004-O3p3k(qd+5iXv0RRC20Q;H0S?=@=+dB_<kika>eP-nyB$5lmKmfr="
        "UT3!VU4E*JB_X&(c<H+5PdjzO!qGNq(1{EEMwe%Pjt1KmPOa$7sdCapN*1O{^I2x_0Sv*nUG|s;zKnx)e>53T+54%Yuu9g^BjJ~N"
        "&@l2obyCQV?-e{Hue?dx3WNXI"
    ),
    (16, 2): (
        "|JeV-01FTR2>=HH0TBTI!~hup0RaI40RaF200000000004i60s3K0L=00;pA00IC2`U5o#*OjbeU(zehWBaM;y6?-?+}rI#{GdOp"
        "??f|PcXYWK`jrLjI!U_=+s)}96-cn6ZD+GTzhIXIUXva+{*QrBc&7qdCd`q^tMqCrx`Z{#jTv1#P$B5k6v~zIt!bUx&~hmIG~TM8"
        "+irKC6fl}d)jY1Md0S2Y*#"
    ),
    (16, 3): (
        "|JeV-01FTR2LK5H0TBTI!~hup0RaI40RaF200000000004-O3s2oV3;00;pA00RI3_y%Y*T&-go{UW|=91fr@Q*w<2)C5L%QC;|-"
        "jZVsA-D>D1Bb{Z$40#PGN<CfB{LpVheGB|jjRDFQ+&2z3f~k;@Ff0s86!2V~BOH|vr1nGwj<m?h+=F-3Ypv4a&iIsaMH=%;TSgXv"
        "oD*%tn?6J4{Cf6wq7MB;KmXY"
    ),
    (16, 4): (
        "|JeV-01FTR2>=HH0TBTI!~h!r0RRF50{{R300000000003k?no4+#no|Jncu0RaF6008$hd1tfGH@1Dl-=u~+)Ub;Pu!{(=iwNa?"
        "u!{(=iwLlb2+1a}iwLlb2(XI?%+Iik2(XI?u!{)TJXl49SVe?bMTBh#Y$C!eBEl>p!Z!I<5n&b)VHOc#8@D?Mu!{(=iwLlf|Je"
    ),
    (16, 5): (
        "|JeV-01FTR2LK5H0TBTI!~hxq0RaF50RaF200000000004-N|q4G9qc+5iXv0RRO60Q=d!v)=R#+dB_<kika=dd}q?9xdL|#sky3"
        "*0Lpv7kxHpN<!X4>;2WrJ<7aQPO=YL_KFwy)Z|tRVJ&9zCz}q)9DCFNlqd!Le>y+oCl+a$rZo*ds@VqWSR+4H%?Z*np50HiuflL`"
        "pkQTBXs%n1`bOjeL{YcwKF9yr"
    ),
    (16, 6): (
        "|JeV-01FTR2>=HH0TBTI!~hxq0RaI400RI300000000004Gs?s3JVbb+5iXv0RRR70Qv@MFepyMMKx6X*~8AK-_6zC+wO<@feVOr"
        "ef7upOQS%gLiRY-!b!d72_Pzx!i#H9F*81w3cW0OH}#K!Q3cR=trX0YlW)<{R#MtjA+%=c-2x^?mrSdau2;&txk1U1_EUP){{U8l"
        "TXWFD<dKx})l=DRHHClw*#"
    ),
    (16, 7): (
        "|JeV-01FTR2LK5H0TBTI!~hxq0RaI400RI300000000004-O3s2@4Sa+5iXv0RRU80Qv@MFe?+YL{U{d*}z#6CIfPg$XRZjPNryq"
        "qlX@<j_&(pB_M&Zn~h2T01Ilt`7UkLu(Y`g{P1pgD)j+jcn7xU$N`>~=t>nR4U~X7!5Y)Fuf1JSty>g>cWup0+-I}V=$|&n5#o}d"
        "+R!kXzY0YwFM%hmpwr#6@Xg2n*#"
    ),
}
