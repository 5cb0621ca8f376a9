#!/usr/bin/env bash
# Make the virtual environments of independent programs: .oracles/<name> in the checkout.
#
#   tests/oracles/make_envs.sh [name ...]      all of them without a name
#
# An environment whose stamp holds its requirement line is left alone. PYTHON names the
# interpreter (3.11). Any failure stops the script with a non-zero exit status.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
python=${PYTHON:-python3.11}

requirements() {
  case $1 in
    nengo_loihi) echo "numpy<1.24 scipy<1.13 setuptools<80 nengo==4.0.0 nengo-loihi==1.1.0" ;;
    torch) echo "torch==2.13.0 snntorch==1.0.0 nir==1.0.8 nirtorch==2.6 numpy scipy h5py pytest hypothesis" ;;
    brian2_loihi) echo "numpy<2 setuptools<80 Brian2==2.9.0 brian2-loihi==0.5.2" ;;
    *) echo "make_envs.sh: no oracle '$1'; known: nengo_loihi brian2_loihi torch" >&2; return 1 ;;
  esac
}

make_env() {
  local name=$1 wanted env stamp words pip
  wanted=$(requirements "$name")
  env=$root/.oracles/$name
  stamp=$env/requirements.stamp
  if [[ -f $stamp && $(<"$stamp") == "$wanted" ]]; then
    echo "$name: up to date"
    return
  fi
  "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || {
    echo "make_envs.sh: $name needs Python 3.11; got $("$python" --version). Try: PYTHON=python3.11" >&2
    return 1
  }
  rm -rf "$env"
  SECONDS=0
  "$python" -m venv "$env"
  read -ra words <<<"$wanted"
  pip=("$env/bin/python" -m pip install --quiet --quiet --disable-pip-version-check)
  "${pip[@]}" "${words[@]}"
  # Norse asks for a torchvision that would bring another torch; its cells need neither.
  [[ $name != torch ]] || "${pip[@]}" --no-deps norse==1.1.0
  echo "$wanted" >"$stamp"
  echo "$name: made in $SECONDS s"
}

names=("$@")
[[ ${#names[@]} -gt 0 ]] || names=(nengo_loihi brian2_loihi torch)
for name in "${names[@]}"; do
  make_env "$name"
done
