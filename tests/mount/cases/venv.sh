# SPDX-License-Identifier: Apache-2.0
# A Python virtual environment in the mount, used, also after a remount.
python3 -c 'import venv, ensurepip' 2>/dev/null || skip "python3-venv is not installed"
begin
python3 -m venv "$M/env"
mkdir package
printf 'from setuptools import setup\nsetup(name="sample", version="1.2", py_modules=["sample"])\n' >package/setup.py
echo 'def say(): return "from the mount"' >package/sample.py
"$M/env/bin/pip" --version
"$M/env/bin/python" -c 'import sys; assert sys.prefix.endswith("/env"), sys.prefix'
cp package/sample.py "$M/env/lib"/python3*/site-packages/
assert_eq "$("$M/env/bin/python" -c 'import sample; print(sample.say())')" "from the mount"
"$M/env/bin/python" -m compileall -q "$M/env/lib"/python3*/site-packages/sample.py
end
mount_at "$M"
assert_eq "$("$M/env/bin/python" -c 'import sample; print(sample.say())')" "from the mount"
"$M/env/bin/pip" list >list
grep -q '^pip ' list
end
