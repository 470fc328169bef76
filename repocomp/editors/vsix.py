"""The package that VS Code and its kin take a plugin as, and their programs, which alone can put it in."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

from repocomp import __version__
from repocomp.errors import EditorError

PACKAGE = "repocomp.vsix"
PROGRAMS = ("code", "code-insiders", "codium", "code-server", "cursor", "windsurf")
_IDENTITY = "repocomp.repocomp"
_WAIT_S = 120.0
_MANIFEST = """<?xml version="1.0" encoding="utf-8"?>
<PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011">
  <Metadata>
    <Identity Language="en-US" Id="repocomp" Version="{version}" Publisher="repocomp"/>
    <DisplayName>repocomp</DisplayName>
    <Description>{description}</Description>
    <Properties>
      <Property Id="Microsoft.VisualStudio.Code.Engine" Value="{engine}"/>
      <Property Id="Microsoft.VisualStudio.Code.ExtensionKind" Value="workspace"/>
    </Properties>
  </Metadata>
  <Installation><InstallationTarget Id="Microsoft.VisualStudio.Code"/></Installation>
  <Dependencies/>
  <Assets>
    <Asset Type="Microsoft.VisualStudio.Code.Manifest" Path="extension/package.json" Addressable="true"/>
    <Asset Type="Microsoft.VisualStudio.Services.Content.Details" Path="extension/README.md" Addressable="true"/>
  </Assets>
</PackageManifest>
"""
_TYPES = """<?xml version="1.0" encoding="utf-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
  <Default Extension=".json" ContentType="application/json"/>
  <Default Extension=".js" ContentType="application/javascript"/>
  <Default Extension=".md" ContentType="text/markdown"/>
  <Default Extension=".vsixmanifest" ContentType="text/xml"/>
</Types>
"""


def packed(files: Mapping[str, str]) -> bytes:
    """The files of an extension, package.json among them, as the package that is installed."""
    about = json.loads(files["package.json"])
    manifest = _MANIFEST.format(
        version=__version__, description=escape(about["description"]), engine=escape(about["engines"]["vscode"])
    )
    entries = {"extension.vsixmanifest": manifest, "[Content_Types].xml": _TYPES}
    entries |= {f"extension/{name}": text for name, text in files.items()}
    whole = io.BytesIO()
    # Stored and not compressed, so that the beginning of the package says whose it is.
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        for name, text in entries.items():
            # Without the time of day: the same files are the same package.
            archive.writestr(zipfile.ZipInfo(name), text)
    return whole.getvalue()


def programs() -> list[str]:
    """The programs on the PATH that install extensions."""
    return [found for name in PROGRAMS if (found := shutil.which(name)) is not None]


def put_in(program: str, package: Path) -> None:
    """Have an editor install the package. Raises EditorError."""
    _run([program, "--install-extension", str(package), "--force"])


def take_out(program: str) -> bool:
    """Have an editor remove the extension; False where it had none. Raises EditorError."""
    if _IDENTITY not in _run([program, "--list-extensions"]).split():
        return False
    _run([program, "--uninstall-extension", _IDENTITY])
    return True


def _run(command: list[str]) -> str:
    hint = "start the editor once, or install the package in it: `Extensions: Install from VSIX...`"
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_WAIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EditorError(f"{command[0]}: {type(error).__name__}", hint) from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines() or [f"code {done.returncode}"]
        raise EditorError(f"{command[0]}: {said[-1]}", hint)
    return done.stdout
