"""Reader studies in one call each: made, served, scored, simulated, and exported for teaching."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from synthmammo.arguments import a_choice, a_function, a_name, a_number, a_path, a_seed, a_text, wrong
from synthmammo.dataset.references import DatasetLike, dataset_path
from synthmammo.errors import DatasetError, OutputError
from synthmammo.progress import Progress, silent
from synthmammo.studying.study import Study

if TYPE_CHECKING:
    from synthmammo.studying.scoring import StudyScores

StudyLike = Study | str | Path
Form = Literal["page", "dicom"]

SKILLS = (0.55, 0.8)
"""Areas under the ROC curve of the readers that are simulated unless told otherwise."""


def new_study(
    real: DatasetLike,
    synthetic: DatasetLike,
    out: str | Path,
    *,
    edited: DatasetLike | None = None,
    real_count: int = 52,
    synthesised_count: int = 31,
    edited_count: int = 17,
    size_px: int | None = None,
    pairs: bool = False,
    split: str | None = None,
    title: str = "Reader study",
    seed: int = 0,
    progress: Progress = silent,
) -> Study:
    """Make a blinded set of real and generated images for radiologists to read.

    All images are brought to one size, side, window and bit depth. The numbers are those of Zakka et al. 2020, Table I.

    Args:
        real: Dataset of real images, or the path of its directory.
        synthetic: Dataset of generated images, or the path of its directory.
        out: Directory to make.
        edited: Dataset of edited images, or its path; None puts synthesised ones in their place.
        real_count: Number of real cases.
        synthesised_count: Number of synthesised cases.
        edited_count: Number of edited cases.
        size_px: Height and width of all images in pixels, 32 to 8192; None for the smaller of the datasets' usual
            heights.
        pairs: Whether a case is the CC and the MLO view of one breast, side by side.
        split: Split of the real images; None for all.
        title: Title that readers see.
        seed: Random seed for drawing the cases and their order.
        progress: Function that is called with the number of cases written and that of all cases.

    Returns:
        The study; `check` says what tells the origin of its images beside the picture.

    Raises:
        DatasetError: A dataset cannot be read, has too few images, or an argument makes no sense (its name comes
            first).
        OutputError: The directory holds a study already, or cannot be written.

    Example:
        >>> import synthmammo as sm
        >>> small = {"background.spacing_mm": 2, "emit.formats": ["parquet"]}
        >>> made = sm.build("balanced_mass", "made", size=9, settings=small)  # in earnest the first is of real images
        >>> study = sm.new_study(made, made, "study", real_count=4, synthesised_count=4, edited_count=0)
        >>> len(study.items)
        8
    """
    from synthmammo.studying.new import StudyOptions, make_study

    counts = {"real_count": real_count, "synthesised_count": synthesised_count, "edited_count": edited_count}
    real_cases, synthesised_cases, edited_cases = (
        a_number(number, name, DatasetError, least=0) for name, number in counts.items()
    )
    options = StudyOptions(
        real=real_cases,
        synthesised=synthesised_cases,
        edited=edited_cases,
        seed=a_seed(seed, "seed", DatasetError),
        size_px=None if size_px is None else a_number(size_px, "size_px", DatasetError, least=32),
        pairs=a_choice(pairs, "pairs", DatasetError),
        split=None if split is None else a_text(split, "split", DatasetError),
        title=a_text(title, "title", DatasetError),
    )
    a_function(progress, "progress", DatasetError)
    first, second = dataset_path(real, "real", DatasetError), dataset_path(synthetic, "synthetic", DatasetError)
    third = None if edited is None else dataset_path(edited, "edited", DatasetError)
    return make_study(first, second, out, edited=third, options=options, progress=progress)


def serve_study(
    study: StudyLike,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    token: str | None = None,
    readers: Sequence[str] = (),
    teach: bool = False,
    alternatives: int = 6,
    wrong_answers: int = 3,
    say: Callable[[str], None] = print,
) -> None:
    """Show a study in readers' browsers until it is interrupted; every answer is on the disk before the next image.

    Args:
        study: Study, or the path of its directory.
        host: Address to listen at; another than this machine's own needs a token.
        port: Port to listen at, 0 to 65535; None for the first free one from 8000.
        token: Word that readers' links carry; None for none.
        readers: Names of readers to print a link for.
        teach: Whether the truth is shown after each answer, and cases go from easy to hard.
        alternatives: Number of images at once in task 2, one of them generated; 2 to 9.
        wrong_answers: Number of wrong answers that end task 2, at least 1.
        say: Function that is given the lines that tell the owner where the study is.

    Raises:
        OutputError: There is no token though other machines reach the host, the port is in use, or the extra `study`
            is not installed.
        DatasetError: It is no study, answers of an earlier session cannot be read, or an argument makes no sense (its
            name comes first).

    Example:
        >>> import synthmammo as sm
        >>> try:
        ...     sm.serve_study("studies/none")
        ... except sm.SynthmammoError as error:
        ...     print(error)
        studies/none: is no study (study.json: No such file or directory)
          Give the directory that `synthmammo study new` made.
    """
    opened = _opened(study)
    rules = {"alternatives": (alternatives, 2), "wrong_answers": (wrong_answers, 1)}
    numbers = [a_number(number, name, DatasetError, least=least) for name, (number, least) in rules.items()]
    if isinstance(readers, str) or not isinstance(readers, Sequence):
        raise wrong("readers", "several texts", readers, DatasetError)
    names = [a_text(reader, "readers", DatasetError) for reader in readers]
    taught, listener = a_choice(teach, "teach", DatasetError), a_text(host, "host", DatasetError)
    number = None if port is None else a_number(port, "port", DatasetError, least=0)
    a_function(say, "say", DatasetError)
    from synthmammo.studying.serving import Place, serve
    from synthmammo.studying.tasks import Rules

    serve(opened, Place(listener, number, token), Rules(taught, *numbers), readers=names, say=say)


@dataclass(frozen=True)
class ScoredStudy:
    """What came of scoring a study.

    Attributes:
        study: The study.
        scores: Areas, shares and times per reader, and of all readers together.
        table: Table II of Zakka et al. 2020 in Markdown.
        page: Path of the report, which any browser opens.
        files: Paths of all that was written.
    """

    study: Study
    scores: StudyScores
    table: str
    page: Path
    files: tuple[Path, ...]

    def __repr__(self) -> str:
        return f"ScoredStudy({self.study.title}: {self.page})"


def score_study(
    study: StudyLike, out: str | Path | None = None, *, resamples: int = 2000, seed: int = 0
) -> ScoredStudy:
    """Score the answers to a study, and write the report.

    Args:
        study: Study, or the path of its directory.
        out: Folder to write report.html, table2.md, scores.json, figures, all answers as CSV, and the ratings for
            iMRMC and MRMCaov to; None for `results` in the study.
        resamples: Number of bootstrap resamples, at least 100.
        seed: Random seed for drawing the resamples.

    Returns:
        The scores, and what was written.

    Raises:
        DatasetError: It is no study, nobody has answered, answers cannot be read, or an argument makes no sense (its
            name comes first).
        OutputError: The folder cannot be written.

    Example:
        >>> import synthmammo as sm
        >>> small = {"background.spacing_mm": 2, "emit.formats": ["parquet"]}
        >>> made = sm.build("balanced_mass", "made", size=9, settings=small)
        >>> study = sm.new_study(made, made, "study", real_count=4, synthesised_count=4, edited_count=0)
        >>> _ = sm.simulate_study(study, [0.8])
        >>> sm.score_study(study, resamples=100).scores.classified[0].answers
        8
    """
    from synthmammo.studying.report import table_two, write_study_report
    from synthmammo.studying.scoring import scores_of

    opened = _opened(study)
    folder = opened.path / "results" if out is None else a_path(out, "out", OutputError)
    number = a_number(resamples, "resamples", DatasetError, least=100)
    scores = scores_of(opened, resamples=number, seed=a_seed(seed, "seed", DatasetError))
    files = write_study_report(opened, scores, folder)
    return ScoredStudy(opened, scores, table_two(scores), folder / "report.html", tuple(files))


def simulate_study(study: StudyLike, skills: Sequence[float] = SKILLS, *, seed: int = 0) -> list[Path]:
    """Answer a study like readers of known skill, to plan how many readers and cases it needs.

    Args:
        study: Study, or the path of its directory.
        skills: Area under the ROC curve of each reader, 0.05 to 0.95.
        seed: Random seed for the readers' impressions.

    Returns:
        Paths of the answers.

    Raises:
        DatasetError: It is no study, has answers of such a reader, or an argument makes no sense (its name comes
            first).
        OutputError: The answers cannot be written.

    Example:
        >>> import synthmammo as sm
        >>> small = {"background.spacing_mm": 2, "emit.formats": ["parquet"]}
        >>> made = sm.build("balanced_mass", "made", size=9, settings=small)
        >>> study = sm.new_study(made, made, "study", real_count=4, synthesised_count=4, edited_count=0)
        >>> len(sm.simulate_study(study, [0.55, 0.8]))
        2
    """
    from synthmammo.studying.simulation import simulate

    if isinstance(skills, str) or not isinstance(skills, Sequence):
        raise wrong("skills", "several numbers", skills, DatasetError)
    return simulate(_opened(study), skills, seed=a_seed(seed, "seed", DatasetError))


def export_study(
    study: StudyLike, out: str | Path, form: Form = "page", *, real: bool = False, progress: Progress = silent
) -> int:
    """Write the cases of a study with their truth, for teaching, from easy to hard.

    Args:
        study: Study, or the path of its directory.
        out: Folder to make.
        form: "page" for an `index.html` that needs no server, or "dicom" for DICOM studies with segmentations and
            structured reports.
        real: Whether real cases are exported too, where their licence allows it.
        progress: Function that is called with the number of cases written and that of all cases.

    Returns:
        Number of cases.

    Raises:
        DatasetError: It is no study, has no such cases, or an argument makes no sense (its name comes first).
        OutputError: The folder is there, cannot be written, or a case lacks what DICOM requires.

    Example:
        >>> import synthmammo as sm
        >>> small = {"background.spacing_mm": 2, "emit.formats": ["parquet"]}
        >>> made = sm.build("balanced_mass", "made", size=9, settings=small)
        >>> study = sm.new_study(made, made, "study", real_count=4, synthesised_count=4, edited_count=0)
        >>> sm.export_study(study, "cases")
        4
    """
    from synthmammo.studying.cases import export_cases

    how, whole = a_name(form, get_args(Form), "form", DatasetError), a_choice(real, "real", DatasetError)
    a_function(progress, "progress", DatasetError)
    return export_cases(_opened(study), a_path(out, "out", OutputError), how, real=whole, progress=progress)


def _opened(study: object) -> Study:
    if isinstance(study, Study):
        return study
    if not isinstance(study, str | Path):
        raise wrong("study", "a Study, or the path of its directory (str or Path)", study, DatasetError)
    return Study.open(study)
