"""The studio: the dream generator as a local page.

- `server` answers the page: one static page of `page/`, a few JSON requests, and a stream of events;
- `guard` lets in only who has the token or the password, and only from the page itself;
- `uploads` keeps what was dropped, `previewer` (a process of its own) looks into it and dreams single frames;
- `offers` is what the page lets choose from, `wishes` turns what was chosen into settings and a command line;
- `dreams` keeps each dream in a folder of its own, and `queue` runs them, one after the other, each as a
  process of the command line. All state is in these folders: a restart, of the page or the server, loses
  nothing.
"""
