import platform

from spack.package import *


class ChRunTs(Package):
    """Runs commands in containers on HPC machines, without any privilege."""

    homepage = "https://example.org/"
    url = "https://example.org/ch-run-ts-VERSION-linux-x86_64.tar.xz"

    # the programs are static: nothing is compiled, and nothing is needed
    if platform.machine() == "aarch64":
        version("VERSION", sha256="SHA256-aarch64", url="https://example.org/ch-run-ts-VERSION-linux-aarch64.tar.xz")
    else:
        version("VERSION", sha256="SHA256-x86_64", url="https://example.org/ch-run-ts-VERSION-linux-x86_64.tar.xz")

    conflicts("platform=darwin")
    conflicts("platform=windows")

    def install(self, spec, prefix):
        install_tree(".", prefix)
