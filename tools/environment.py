"""Make the environments that the Makefile's targets run in: dev (.venv), emulator and sam (.venvs/).

Usage: ``python tools/environment.py [--python-named] NAME...``. What is there already and matches its lock is
left alone, which takes milliseconds. Written for any Python 3, so that a too old one gets an explanation
instead of a syntax error.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OLDEST = (3, 11)
FOLDERS = {
    "dev": ".venv",
    "emulator": os.path.join(".venvs", "emulator"),
    "sam": os.path.join(".venvs", "sam"),
}
STAMP = ".locked"


def main(arguments):
    """Bring every named environment up to its lock; the exit status is 0 when all are."""
    named = "--python-named" in arguments
    names = [name for name in arguments if not name.startswith("-")]
    os.chdir(ROOT)
    if sys.version_info[:2] < OLDEST:
        return restart_with_newer_python(arguments, named)
    try:
        for name in names:
            prepare(name)
    except subprocess.CalledProcessError as error:
        say("could not set up: %s\n%s" % (" ".join(error.cmd), (error.output or "").strip()))
        say("If that is the network: the first set-up installs packages; later ones need none.")
        return 1
    except MissingModuleError as error:
        say(str(error))
        return 1
    return 0


class MissingModuleError(Exception):
    """This Python cannot make virtual environments."""


def say(message):
    """Tell the user, on stderr: stdout belongs to the target's own output."""
    sys.stderr.write(message + "\n")


def restart_with_newer_python(arguments, named):
    """Run this script by a newer Python of the PATH, unless the user named this one."""
    wanted = ".".join(map(str, OLDEST))
    for candidate in () if named else ("python3.13", "python3.12", "python3.11", "python3.14"):
        path = shutil.which(candidate)
        if path and subprocess.call([path, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            return subprocess.call([path, os.path.abspath(__file__)] + arguments)
    say("Python %s or newer is needed; %s is %s." % (wanted, sys.executable, sys.version.split()[0]))
    say("Install one, or name one: make PYTHON=/path/to/python3.13 <target>")
    return 1


def prepare(name):
    """Make or refresh one environment, and stamp it with what it was made from."""
    folder = FOLDERS[name]
    key = lock_key(name)
    stamp = os.path.join(folder, STAMP)
    if key == read(stamp):
        return
    if name != "dev" and not os.path.exists(interpreter(FOLDERS["dev"])):
        prepare("dev")
    started = time.time()
    say("setting up %s (%s) ..." % (folder, "first time" if not os.path.isdir(folder) else "its lock changed"))
    if os.path.exists(stamp):
        os.remove(stamp)
    install_dev(folder) if name == "dev" else install_beside(name, folder)
    with open(stamp, "w") as file:
        file.write(key)
    say("setting up %s: done in %.0f s" % (folder, time.time() - started))


def read(path):
    """Read a small file; one that is not there is empty."""
    if not os.path.exists(path):
        return ""
    with open(path) as file:
        return file.read()


def lock_key(name):
    """Name the lock's content; another Python's environment of the same lock is another one."""
    digest = hashlib.sha256(("%d.%d" % sys.version_info[:2]).encode())
    for path in locks(name):
        with open(path, "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def locks(name):
    """List the lock files that an environment is made from."""
    own = [os.path.join("requirements", name + ".txt")]
    return own + [os.path.join("requirements", "bootstrap.txt")] if name == "dev" else own


def install_dev(folder):
    """Make .venv by the standard library, uv inside it by pip, and the rest by uv."""
    if not usable(folder):
        require_venv()
        shutil.rmtree(folder, ignore_errors=True)
        run([sys.executable, "-m", "venv", folder])
    uv = os.path.join(folder, "bin", "uv")
    if not os.path.exists(uv):
        run([interpreter(folder), "-m", "ensurepip"])
        pip = [interpreter(folder), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run(pip + ["--require-hashes", "-r", locks("dev")[1]])
    run([uv, "pip", "sync", "--quiet", "--require-hashes", "--python", interpreter(folder)] + locks("dev"))


def install_beside(name, folder):
    """Make an environment next to .venv, with .venv's Python and uv."""
    uv = os.path.join(FOLDERS["dev"], "bin", "uv")
    if not usable(folder):
        run([uv, "venv", "--quiet", "--clear", "--no-project", "--python", interpreter(FOLDERS["dev"]), folder])
    sync = [uv, "pip", "sync", "--quiet", "--require-hashes", "--compile-bytecode", "--python"]
    run(sync + [interpreter(folder)] + locks(name))


def interpreter(folder):
    """Name an environment's Python."""
    return os.path.join(folder, "bin", "python")


def usable(folder):
    """Tell whether the environment's Python runs and is of this version."""
    if not os.path.exists(interpreter(folder)):
        return False
    probe = "import sys; sys.exit(sys.version_info[:2] != %r)" % (sys.version_info[:2],)
    return subprocess.call([interpreter(folder), "-c", probe], stderr=subprocess.DEVNULL) == 0


def require_venv():
    """Say what to install where a distribution ships Python without its venv module."""
    try:
        import ensurepip  # noqa: F401  PLC0415: only whether it is there is asked
        import venv  # noqa: F401
    except ImportError as error:
        hint = "On Debian and Ubuntu: apt install python%d.%d-venv" % sys.version_info[:2]
        raise MissingModuleError("%s has no %s module. %s" % (sys.executable, error.name, hint))


def run(command):
    """Run quietly; the output is shown if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
