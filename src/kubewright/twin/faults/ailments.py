"""What ails GPUs under faults, for those who show it: a listener on the board."""

from __future__ import annotations

from kubewright.twin.exporters.devices import HEALTHY, Ailment, Devices
from kubewright.twin.faults import parameters as p
from kubewright.twin.faults.inforce import Active, Board, InForce


def ailments_of(in_force: InForce) -> dict[tuple[str, int], Ailment]:
    """Return what ails which GPU, by node and index; of two XIDs of one GPU the last by name is the last."""
    found: dict[tuple[str, int], Ailment] = {}
    for node, faults in in_force.on_nodes.items():
        for fault in faults:
            _add(found, node, fault)
    return found


def _add(found: dict[tuple[str, int], Ailment], node: str, fault: Active) -> None:
    spec = fault.spec
    match spec.type:
        case "GpuXid":
            xid = spec.gpu_xid or p.GpuXid()
            old = found.get((node, xid.device), HEALTHY)
            found[node, xid.device] = Ailment(xid.code, old.correctable_rows, old.uncorrectable_rows, old.remap_failed)
        case "GpuEcc":
            ecc = spec.gpu_ecc or p.GpuEcc()
            old = found.get((node, ecc.device), HEALTHY)
            lost = ecc.errors == "Uncorrectable"
            found[node, ecc.device] = Ailment(
                old.xid, old.correctable_rows + (not lost), old.uncorrectable_rows + lost, old.remap_failed
            )
        case _:
            pass


def show_on(board: Board, devices: Devices) -> None:
    """Keep the devices' ailments as the faults mean them."""

    def on_change(old: InForce, new: InForce) -> None:
        before, after = ailments_of(old), ailments_of(new)
        for place in dict.fromkeys((*before, *after)):
            if before.get(place) != after.get(place):
                devices.ail(*place, after.get(place, HEALTHY))

    on_change(InForce(), board.now)
    board.listen(on_change)
