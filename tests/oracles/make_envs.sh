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
    torch) echo "torch==2.13.0 snntorch==1.0.0 nir==1.0.8 nirtorch==2.6 numpy scipy h5py pytest hypothesis pbr matplotlib" ;;
    brian2_loihi) echo "numpy<2 setuptools<80 Brian2==2.9.0 brian2-loihi==0.5.2" ;;
    xylosim) echo "numpy<3 xylosim==0.1.3" ;;
    lava) echo "numpy<2 setuptools<80 lava-nc==0.10.0" ;;
    pacman) echo "SpiNNaker_PACMAN==1!7.4.1" ;; # made only when named; the benchmark's peer
    # the two below are made only when named: peers of benchmarks/feedforward.py
    speed_torch) echo "torch==2.13.0 snntorch==1.0.0 spikingjelly==2.0.0 nir==1.0.8 nirtorch==2.6 numpy scipy pbr matplotlib setuptools<80" ;;
    speed_jax) echo "jax==0.10.2 spyx==1.0.0 numpy" ;;
    spynnaker_binary) echo "numpy<3 scipy<2 unicorn==2.1.4" ;;
    sanafe) echo "numpy<3 sanafe==2.2.9" ;;
    nest) echo "numpy<3 scipy<2 nest-simulator==3.10.0" ;;
    brian2) echo "numpy<2 setuptools<80 Brian2==2.9.0" ;; # made only when named; the benchmark's peer
    *) echo "make_envs.sh: no oracle '$1'; known: nengo_loihi brian2_loihi lava torch xylosim ranc spynnaker_binary nest brian2 sanafe pacman speed_torch speed_jax genn pynn_scenarios" >&2; return 1 ;;
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

# The scenario tests of PyNN, in its source distribution; nothing is installed.
make_pynn_scenarios() {
  local env=$root/.oracles/pynn_scenarios
  if [[ -d $env/scenarios ]]; then
    echo "pynn_scenarios: up to date"
    return
  fi
  rm -rf "$env"
  mkdir -p "$env/source"
  "$python" -m pip download --quiet --quiet --disable-pip-version-check --no-deps \
    --no-binary PyNN --dest "$env/source" 'PyNN==0.13.0'
  tar -xzf "$env"/source/*.tar.gz -C "$env/source"
  mv "$env"/source/*/test/system/scenarios "$env/scenarios"
  rm -rf "$env/source"
  echo "pynn_scenarios: made in $SECONDS s"
}

# The RANC simulator is a C++ program: its source is taken from $RANC_SOURCE, a folder or a git
# address, and built with cmake and make; left out, with the reason, where that is not possible.
make_ranc() {
  local env=$root/.oracles/ranc revision=08ae4bd source=${RANC_SOURCE:-https://github.com/UA-RCL/RANC}
  if [[ -x $env/ranc_sim ]]; then
    echo "ranc: up to date"
    return
  fi
  command -v cmake >/dev/null && command -v make >/dev/null && command -v c++ >/dev/null || {
    echo "ranc: left out, it needs cmake, make and a C++ compiler" >&2; return 0; }
  rm -rf "$env"
  SECONDS=0
  GIT_TERMINAL_PROMPT=0 timeout 60 git clone --quiet --no-checkout "$source" "$env/source" 2>/dev/null || {
    echo "ranc: left out, no source at $source. Try: RANC_SOURCE=a folder that holds it" >&2
    return 0; }
  git -C "$env/source" checkout --quiet "$revision" -- simulator LICENSE
  cmake -S "$env/source/simulator" -B "$env/build" -DCMAKE_BUILD_TYPE=Release >/dev/null
  make -C "$env/build" --quiet >/dev/null
  cp "$env/build/ranc_sim" "$env/ranc_sim"
  echo "ranc: made in $SECONDS s"
}

# GeNN is not on the package index (the genn there is another program): a release of it is cloned from
# $GENN_SOURCE, a checkout or a git address, and built without a GPU; made only when named, a peer of
# benchmarks/feedforward.py; left out, with the reason, where that is not possible.
make_genn() {
  local env=$root/.oracles/genn release=5.4.0 source=${GENN_SOURCE:-https://github.com/genn-team/genn}
  local pip=("$env/bin/python" -m pip install --quiet --quiet --disable-pip-version-check)
  if [[ -f $env/requirements.stamp && $(<"$env/requirements.stamp") == "genn $release" ]]; then
    echo "genn: up to date"
    return
  fi
  command -v make >/dev/null && command -v c++ >/dev/null && pkg-config --exists libffi 2>/dev/null || {
    echo "genn: left out, it needs make, a C++ compiler, pkg-config and libffi's headers" >&2
    return 0; }
  rm -rf "$env"
  SECONDS=0
  GIT_TERMINAL_PROMPT=0 timeout 120 git -c advice.detachedHead=false clone --quiet --depth 1 \
    --branch "$release" "$source" "$env/source" 2>/dev/null || {
    echo "genn: left out, no release $release at $source. Try: GENN_SOURCE=a checkout that has it" >&2
    return 0; }
  "$python" -m venv "$env"
  "${pip[@]}" 'numpy<3'
  env -u CUDA_PATH -u HIP_PATH "${pip[@]}" "$env/source"
  rm -rf "$env/source"
  echo "genn $release" >"$env/requirements.stamp"
  echo "genn: made in $SECONDS s"
}

make_env() {
  local name=$1 python=$python wanted env stamp words pip
  [[ $name != ranc ]] || { make_ranc; return; }
  [[ $name != genn ]] || { make_genn; return; }
  [[ $name != pynn_scenarios ]] || { make_pynn_scenarios; return; }
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
  # Norse asks for a torchvision that would bring another torch; its cells need neither. sinabs asks
  # for an older nir, which it does not use here, and for a driver that is not to be had.
  [[ $name != torch && $name != speed_torch ]] ||
    "${pip[@]}" --no-deps norse==1.1.0 sinabs==3.1.3
  # Of sPyNNaker only the compiled images are used, and one formula; what it asks for stays away.
  [[ $name != spynnaker_binary ]] || "${pip[@]}" --no-deps 'sPyNNaker==1!7.4.1'
  # lava-nc installs its tests as a package called tests, which would hide ours.
  [[ $name != lava ]] || rm -rf "$env"/lib/python3.10/site-packages/tests
  echo "$wanted" >"$stamp"
  echo "$name: made in $SECONDS s"
}

names=("$@")
[[ ${#names[@]} -gt 0 ]] || names=(nengo_loihi brian2_loihi lava torch xylosim spynnaker_binary nest sanafe ranc pynn_scenarios)
for name in "${names[@]}"; do
  make_env "$name"
done
