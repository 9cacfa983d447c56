"""What any file is and where it came from: pictures, DICOM, shards, datasets and models."""
