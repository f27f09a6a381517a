"""`python -m dreamvideo`."""

from dreamvideo.cli.main import main

if __name__ == "__main__":
    main()
