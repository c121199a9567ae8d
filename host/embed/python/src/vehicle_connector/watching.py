"""A file that policies are swapped in from."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from vehicle_connector.errors import Refused
from vehicle_connector.events import Event, Identity, NotSwapped

# What tells that it is another file, or another content.
_Stamp = tuple[int, int, int]


class Watch:
    """Looks at a file, and swaps when there is another component in it.

    Move the file in; one that is still being written is refused, and taken when it is whole. A component that was
    refused or rolled back is not tried again before the file changes.
    """

    def __init__(
        self, path: Path, swap: Callable[[Path], Identity], tell: Callable[[Event], None], every: float
    ) -> None:
        self._path, self._swap, self._tell, self._every = path, swap, tell, every
        self._seen: _Stamp | None = None
        self._looking = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        if every > 0:
            self._thread = threading.Thread(target=self._run, name="vehicle-connector-watch", daemon=True)
            self._thread.start()

    def look(self) -> Identity | None:
        """Looks now. Returns the component that became active; none if nothing has changed or it was refused."""
        with self._looking:
            stamp = self._stamp()
            if stamp is None or stamp == self._seen:
                return None
            try:
                # What is written meanwhile is seen by the next look.
                self._seen = stamp
                return self._swap(self._path)
            except (Refused, OSError) as error:
                self._tell(NotSwapped(source=str(self._path), why=str(error)))
                return None

    def close(self) -> None:
        """Looks no more. Returns when a look that was under way is over."""
        self._closed.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _stamp(self) -> _Stamp | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _run(self) -> None:
        while not self._closed.wait(self._every):
            self.look()
