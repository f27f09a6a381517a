"""Where a camera looks (`affine`), and what it sees there (`resampling`)."""
