# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# README and manual know every option that mount.natsobj --help names, and no other; where the help says
# a default, README says the same one.
top=$HERE/../..
[ -r "$top/README.md" ] || skip "README.md is not here"
"$BUILD/mount.natsobj" --help >help
python3 - help "$top/README.md" "$top/packaging/man/mount.natsobj.8" <<'P' || fail "they do not agree"
import re
import sys

texts = [open(path, encoding="utf-8").read() for path in sys.argv[1:]]
rows = re.findall(r"^  ([a-z_]+)=? +(.*)$", texts[0], re.M)
assert len(rows) > 40, "the help is not understood"
# mount(8) and getopt know these by themselves, too.
everywhere = {"foreground", "debug", "suid", "dev", "noexec", "noatime"}

table = texts[1].split("\n## Options\n")[1].split("\n### ")[0]
readme = {}
for line in table.splitlines():
    if not line.startswith("| `"):
        continue
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    names = re.findall(r"`([a-z_]+)=?`", cells[0])
    defaults = [word.strip(" `") for word in cells[-1].split(",")]
    for i, name in enumerate(names):
        readme[name] = defaults[i] if len(defaults) == len(names) else None

options = texts[2].split("\n.SH OPTIONS\n")[1].split("\n.SH ")[0]
heads = re.findall(r"^\.TP\n(.*)$", options, re.M)
# \fR and \fI are words of troff's.
manual = set(re.findall(r"\b([a-z][a-z_]+)\b", re.sub(r"\\f.", " ", " ".join(heads))))

bad = 0
for name, text in rows:
    default = re.search(r"\((\d+[KMGTsmh]?)(?::[^)]*)?\)$", text)
    if name not in readme and name not in everywhere:
        print(f"README.md has no option {name}")
        bad += 1
    elif default and (readme.get(name) or default[1]).split(" ")[0] != default[1]:
        print(f"{name}: {default[1]} in the help, {readme[name]} in README.md")
        bad += 1
    if name not in manual:
        print(f"the manual has no option {name}")
        bad += 1
for name in sorted(set(readme) - {name for name, _ in rows}):
    print(f"README.md has {name}, which the help has not")
    bad += 1
sys.exit(bad > 0)
P
finish
