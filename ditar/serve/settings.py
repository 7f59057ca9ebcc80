"""How a server is started, and which settings are refused. Nothing here needs torch."""

import ipaddress
import os
import socket
from dataclasses import dataclass, field
from pathlib import Path

from ditar.text.lexicon import Lexicon

MAX_CHARACTERS = 4096  # of an input, as OpenAI's
MAX_PAUSES_SECONDS = 300.0  # of silence that an input asks for
MAX_BODY_BYTES = 256 * 1024  # of JSON, in which a character may take 12 bytes
MAX_UPLOAD_BYTES = 20 * 2**20
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class ServeError(ValueError):
    """A server that cannot be started like this; the message has the value and the remedy."""


@dataclass(frozen=True)
class ServeSettings:
    """How a server listens, and for whom.

    Args:
        host, port: where to listen; port 0: any free one.
        keys: one of them must be sent with every request; empty: none is required.
        max_queue, max_concurrent: talks that wait, and that are spoken, at a time.
        voices: folder of voices, for uploads too; None: the user's.
        allowed_hosts: names in the Host header, besides those of `host`.
        origins: web pages of other origins that may use the server.
        insecure: listen on an address other than loopback without a key.
        lexicon: pronunciations for all requests; a request's own come first.
        language: espeak-ng's name of that of texts whose requests name none, and of the clips in `voices`.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    keys: tuple[str, ...] = ()
    max_queue: int = 32
    max_concurrent: int = 8
    voices: Path | None = None
    allowed_hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    insecure: bool = False
    lexicon: Lexicon = field(default_factory=Lexicon)
    language: str = "en-us"

    def __post_init__(self) -> None:
        if self.voices is not None and not self.voices.is_dir():
            raise ServeError(f"--voices {self.voices} is not a folder; create it with: mkdir -p {self.voices}")
        # Here, since every command reads these settings' defaults.
        from ditar.synthesis.voice_names import folder_fault
        from ditar.text.frontend import check_language

        if self.voices is not None and (fault := folder_fault(self.voices)):
            raise ServeError(f"--voices: {fault}")
        check_language(self.language)
        if not (is_loopback(self.host) or self.keys or self.insecure):
            raise ServeError(
                f"--host {self.host} lets other machines in, and without --api-key-file anybody may use the server; "
                "give a file with a key, or --insecure where only friends can reach it"
            )
        for origin in self.origins:
            if origin != "*" and not origin.startswith(("http://", "https://")):
                raise ServeError(f"--cors-origin {origin!r} is no origin; give one such as https://example.org")

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names allowed in the Host header. If the server is reached under names that it cannot know (0.0.0.0),
        those of `allowed_hosts` and this machine's own."""
        own = [self.host if ":" not in self.host else f"[{self.host}]"]
        if self.host in ("0.0.0.0", "::"):
            own = [socket.gethostname().lower(), *_addresses()]
        return tuple(dict.fromkeys([*LOOPBACK, *own, *self.allowed_hosts]))


def is_loopback(host: str) -> bool:
    """Whether an address can be reached only from this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bind(settings: ServeSettings) -> socket.socket:
    """The socket of the address, on which nobody listens yet: before a model is loaded. ServeError: no such one."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((settings.host, settings.port))
    except OSError as error:
        bound.close()
        raise cannot_listen(settings, error) from None
    return bound


def cannot_listen(settings: ServeSettings, error: OSError) -> ServeError:
    """What to say of an address that is taken or is not this machine's."""
    return ServeError(
        f"--host {settings.host} --port {settings.port} cannot be listened on ({error.strerror}); choose another"
    )


def read_keys(path: str | Path) -> tuple[str, ...]:
    """The keys of a file, one a line. ServeError: there is none, or one that cannot be sent in a header."""
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        raise ServeError(f"--api-key-file {path} does not exist; write a key into it, one a line") from None
    except OSError as error:  # not this user's; or a folder, which Docker makes of a file to mount that does not exist
        raise ServeError(
            f"--api-key-file {path} cannot be read ({error.strerror}); give a file of keys, one a line, that user "
            f"{os.geteuid()} may read"
        ) from None
    except UnicodeDecodeError:
        raise ServeError(f"--api-key-file {path} is not UTF-8 text; write a key into it, one a line") from None
    keys = tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not keys:
        raise ServeError(f"--api-key-file {path} holds no key; write one into it, one a line")
    for number, key in enumerate(keys, 1):
        if not (key.isascii() and key.isprintable() and " " not in key and len(key) >= 8):
            raise ServeError(
                f"key {number} of --api-key-file {path} must be at least 8 printable ASCII characters without spaces, "
                f"and has {len(key)}; make one with: openssl rand -hex 24"
            )
    return keys


def _addresses() -> list[str]:
    """Of this machine, in the form of a Host header."""
    try:
        found = socket.getaddrinfo(socket.gethostname(), None)
    except OSError:
        return []
    return [f"[{address[4][0]}]" if ":" in address[4][0] else address[4][0] for address in found]
