"""One DICOM file as the reader sees it."""

from synthmammo.ingesting.sources.base import PassedOver, Skipped, open_source


def only(folder, **settings):
    records = open_source("dicom", folder, settings).records()
    found = [one for one in records if not isinstance(one, PassedOver)]
    assert len(found) == 1
    return found[0]


def reason_for(tmp_path, **settings):
    found = only(tmp_path, **settings)
    assert isinstance(found, Skipped), found
    return found.reason
