"""Alerts about GPUs: broken, held back, and given to somebody who does not use them."""

from __future__ import annotations

from kubewright.monitoring.rules import Alert, Group

_DEVICE = "Hostname, gpu, UUID"
_WHICH = "GPU {{ $labels.gpu }} of {{ $labels.Hostname }}"
_XID = f"max by ({_DEVICE}) (DCGM_FI_DEV_XID_ERRORS)"
_FATAL_XIDS = (48, 64, 74, 79, 95, 119, 120, 140)
"""Double-bit ECC, failed row remapping, NVLink, fallen off the bus, uncontained ECC, GSP timeouts, unrecovered ECC."""
_CLOCK = "DCGM_FI_DEV_SM_CLOCK"

GPUS = Group(
    "kubewright-gpus",
    (
        Alert(
            "GpuXidFatal",
            " or ".join(f"{_XID} == {xid}" for xid in _FATAL_XIDS),
            f"{_WHICH} is broken: XID {{{{ $value }}}}",
            f"{_WHICH} ({{{{ $labels.UUID }}}}) reported XID {{{{ $value }}}}, from which it does not recover.",
            severity="critical",
            page="GpuXid",
        ),
        Alert(
            "GpuXidError",
            f"{_XID} > 0 unless ({' or '.join(f'{_XID} == {xid}' for xid in _FATAL_XIDS)})",
            f"{_WHICH} reported XID {{{{ $value }}}}",
            f"{_WHICH} ({{{{ $labels.UUID }}}}) reported XID {{{{ $value }}}}; most such errors are the application's.",
            page="GpuXid",
        ),
        Alert(
            "GpuUncorrectableMemory",
            f"max by ({_DEVICE}) (increase(DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS[1h])) > 0",
            f"The memory of {_WHICH} lost data",
            f"{_WHICH} ({{{{ $labels.UUID }}}}) had to replace rows of its memory that ECC could not mend.",
            page="GpuMemory",
        ),
        Alert(
            "GpuRowRemapFailure",
            f"max by ({_DEVICE}) (DCGM_FI_DEV_ROW_REMAP_FAILURE) > 0",
            f"The memory of {_WHICH} is broken",
            f"{_WHICH} ({{{{ $labels.UUID }}}}) has no rows left to replace broken ones with: it must be exchanged.",
            severity="critical",
            page="GpuMemory",
        ),
        Alert(
            "GpuThrottled",
            f"max by ({_DEVICE}) ({_CLOCK}) / max by ({_DEVICE}) (max_over_time({_CLOCK}[1d])) < 0.7"
            f" and max by ({_DEVICE}) (DCGM_FI_DEV_GPU_UTIL) > 80",
            f"{_WHICH} is slowed down while it works",
            f"{_WHICH} runs at {{{{ $value | humanizePercentage }}}} of the clock that it had within a day: too hot, "
            "or too little power.",
            minutes=10,
        ),
        Alert(
            "GpuHot",
            f"max by ({_DEVICE}) (DCGM_FI_DEV_GPU_TEMP) > 88",
            f"{_WHICH} is hot",
            f"{_WHICH} has {{{{ $value }}}} degrees Celsius.",
            minutes=5,
            page="GpuThrottled",
        ),
        Alert(
            "GpuIdleWhileAllocated",
            'avg by (namespace, pod, Hostname, gpu) (avg_over_time(DCGM_FI_DEV_GPU_UTIL{pod!=""}[30m])) < 5',
            "{{ $labels.namespace }}/{{ $labels.pod }} has a GPU and does not use it",
            f"{_WHICH} belongs to {{{{ $labels.namespace }}}}/{{{{ $labels.pod }}}}, which used "
            "{{ $value | humanize }}% of it in the last half hour, and no more for an hour.",
            minutes=60,
        ),
    ),
)
