"""Parts of `train_lite.py` and `evaluate_lite.py`: how vgg16-lite was trained and measured."""
