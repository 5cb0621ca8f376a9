"""NET and its data: a network's file, a zoo network or a program; arrays from .npy files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mossy.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mossy.network.nodes import Network
    from mossy.program import Program

PROGRAM = ".mossy"


def is_zoo(net: str) -> bool:
    """Return whether NET is meant as a name of the zoo: no file, and no path to one."""
    path = Path(net)
    return not (path.suffix in (".nir", ".net", PROGRAM) or len(path.parts) > 1 or path.is_file())


def network(net: str, dt: float | None, integrator: str | None, reset: str | None) -> Network:
    """Return the network. Raises BadInput E0607 and those of the file or the zoo."""
    if Path(net).suffix == PROGRAM:
        raise BadInput(
            "E0607",
            "a network is wanted, not a program",
            got=net,
            allowed="a .nir or .net file or the name of a zoo network",
            hint=f"mossy run {net}, or mossy inspect {net}",
        )
    asked = {"dt": dt, "integrator": integrator, "reset": reset}
    chosen: dict[str, Any] = {k: v for k, v in asked.items() if v is not None}
    if not is_zoo(net):
        from mossy.importers import file

        return file.load(net, **chosen)
    from mossy import zoo

    found = zoo.load(net)
    if chosen:
        raise BadInput(
            "E0607",
            "a zoo network brings its own time step, integrator and reset",
            where=net,
            got=", ".join(f"--{k}" for k in chosen),
            hint="leave them out",
        )
    return found


def zoo_name(program: Program) -> str | None:
    """Return the name of the zoo network that `program` was compiled from, if it is one."""
    from mossy import zoo

    known = program.network in zoo.names()
    same = known and zoo.card(program.network).network_hash == program.network_hash
    return program.network if same else None


def data(
    zoo_net: str | None, x: Path | None, y: Path | None, samples: int | None
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return inputs and labels: from files, else the zoo's test data. Raises E0602, E0603, E0608.

    zoo_net: the zoo network whose data stand in.
    """
    if x is None and zoo_net is None:
        raise BadInput(
            "E0608",
            "no inputs: only zoo networks bring their own",
            hint="--data x.npy, an array (batch, time, ...)",
        )
    labels: NDArray[Any] | None = None
    if x is None:
        from mossy import zoo

        inputs, labels = zoo.data(str(zoo_net))
    else:
        inputs = array(x)
    if y is not None:
        labels = array(y)
    if labels is not None and labels.shape != inputs.shape[:1]:
        raise BadInput(
            "E0603",
            "labels do not match the inputs",
            where=str(y or zoo_net),
            got=f"shape {labels.shape}",
            allowed=f"{inputs.shape[:1]}: one class index per input",
        )
    return inputs[:samples], None if labels is None else labels[:samples]


def calibration(
    zoo_net: str | None, x: NDArray[Any], from_file: bool, n: int
) -> NDArray[Any] | None:
    """Return `n` inputs to calibrate with: training data of the zoo, else the first of x."""
    if n == 0:
        return None
    if zoo_net is None or from_file:
        return x[:n]
    from mossy import zoo

    return zoo.data(zoo_net, "train")[0][:n]


def array(path: Path) -> np.ndarray[Any, Any]:
    """Return the array in a .npy file. Raises BadInput E0602."""
    import numpy as np

    try:
        found: Any = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise BadInput(
            "E0602",
            f"cannot read this as an array ({reason})",
            where=str(path),
            allowed="a .npy file of numbers",
            hint="numpy.save(path, x)",
        ) from None
    if not isinstance(found, np.ndarray):  # .npz: several arrays with names
        found.close()
        raise BadInput(
            "E0602",
            "this file holds several arrays",
            where=str(path),
            allowed="a .npy file of numbers",
            hint="numpy.save(path, x)",
        )
    return found
