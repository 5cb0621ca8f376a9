#!/usr/bin/env bash
# Make the virtual environments of independent programs: .oracles/<name> in the checkout.
#
#   tests/oracles/make_envs.sh [name ...]      all of them without a name
#
# An environment whose stamp holds its requirement line is left alone. PYTHON names the
# interpreter (3.11). Any failure stops the script with a non-zero exit status. lava runs on Python
# 3.10 alone: PYTHON310, python3.10 or one that pyenv keeps; where there is none it is left out.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
python=${PYTHON:-python3.11}

requirements() {
  case $1 in
    nengo_loihi) echo "numpy<1.24 scipy<1.13 setuptools<80 nengo==4.0.0 nengo-loihi==1.1.0" ;;
    torch) echo "torch==2.13.0 snntorch==1.0.0 nir==1.0.8 nirtorch==2.6 numpy scipy h5py pytest hypothesis" ;;
    brian2_loihi) echo "numpy<2 setuptools<80 Brian2==2.9.0 brian2-loihi==0.5.2" ;;
    xylosim) echo "numpy<3 xylosim==0.1.3" ;;
    lava) echo "numpy<2 setuptools<80 lava-nc==0.10.0" ;;
    *) echo "make_envs.sh: no oracle '$1'; known: nengo_loihi brian2_loihi lava torch xylosim" >&2; return 1 ;;
  esac
}

python310() {
  local found
  for found in "${PYTHON310:-}" python3.10 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.10.*/bin/python; do
    if [[ -n $found ]] && "$found" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 10))' \
      >/dev/null 2>&1; then
      echo "$found"
      return
    fi
  done
}

make_env() {
  local name=$1 python=$python wanted env stamp words pip
  wanted=$(requirements "$name")
  env=$root/.oracles/$name
  stamp=$env/requirements.stamp
  if [[ -f $stamp && $(<"$stamp") == "$wanted" ]]; then
    echo "$name: up to date"
    return
  fi
  if [[ $name == lava ]]; then
    python=$(python310)
    [[ -n $python ]] || { echo "lava: left out, no Python 3.10. Try: PYTHON310=..." >&2; return 0; }
  else
    "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || {
      echo "make_envs.sh: $name needs Python 3.11; got $("$python" --version). Try: PYTHON=python3.11" >&2
      return 1
    }
  fi
  rm -rf "$env"
  SECONDS=0
  "$python" -m venv "$env"
  read -ra words <<<"$wanted"
  pip=("$env/bin/python" -m pip install --quiet --quiet --disable-pip-version-check)
  "${pip[@]}" "${words[@]}"
  # Norse asks for a torchvision that would bring another torch; its cells need neither.
  [[ $name != torch ]] || "${pip[@]}" --no-deps norse==1.1.0
  # lava-nc installs its tests as a package called tests, which would hide ours.
  [[ $name != lava ]] || rm -rf "$env"/lib/python3.10/site-packages/tests
  echo "$wanted" >"$stamp"
  echo "$name: made in $SECONDS s"
}

names=("$@")
[[ ${#names[@]} -gt 0 ]] || names=(nengo_loihi brian2_loihi lava torch xylosim)
for name in "${names[@]}"; do
  make_env "$name"
done
