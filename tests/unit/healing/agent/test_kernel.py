"""What the kernel's lines tell of, and what they add up to."""

import pytest

from kubewright.healing.agent.book import Book, written
from kubewright.healing.agent.kernel import Record, parse, sightings
from kubewright.healing.agent.sighting import Measured, Sighting

GPUS = ["0000:3b:00.0", "0000:86:00.0"]


@pytest.mark.parametrize(
    ("line", "condition", "reason"),
    [
        ("INFO: task dockerd:1234 blocked for more than 120 seconds.", "KernelDeadlock", "TaskHung"),
        ("watchdog: BUG: soft lockup - CPU#3 stuck for 26s! [x:1]", "KernelDeadlock", "CpuStuck"),
        ("rcu: INFO: rcu_sched self-detected stall on CPU", "KernelDeadlock", "CpuStuck"),
        ("EXT4-fs (sda1): Remounting filesystem read-only", "ReadonlyFilesystem", "FilesystemIsReadOnly"),
        ("blk_update_request: I/O error, dev sda, sector 2048 op 0x0:(READ)", "DiskFailing", "DiskErrors"),
        ("Buffer I/O error on device sdb1, logical block 5", "DiskFailing", "DiskErrors"),
        ("EXT4-fs error (device sda1): ext4_lookup:1594: inode #2", "DiskFailing", "FilesystemErrors"),
        ("nvme nvme0: controller is down; will reset: CSTS=0xffffffff", "DiskFailing", "DiskGone"),
        ("mce: [Hardware Error]: Uncorrected hardware memory error", "MachineCheckError", "UncorrectedMemoryError"),
        ("mce: [Hardware Error]: Machine check events logged", "", "MachineCheck"),
        ("Killed process 3012 (java) total-vm:10 kB, anon-rss:9 kB", "", "OOMKilling"),
        ("BUG: unable to handle page fault for address: ffff", "", "KernelOops"),
        ("nf_conntrack: nf_conntrack: table full, dropping packet", "", "ConntrackFull"),
        (
            "NVRM: Xid (PCI:0000:86:00): 79, pid=5, GPU has fallen off the bus.",
            "AcceleratedHardwareReady",
            "NvidiaXID79Error",
        ),
    ],
)
def test_lines_that_matter_are_known(line, condition, reason):
    seen = sightings(Record(1, 1.0, line), GPUS)
    assert (seen.condition, seen.reason) == (condition, reason)


@pytest.mark.parametrize("line", ["eth0: link up", "usb 1-1: new device", "task x finished", "NVRM: loading", "Xid 79"])
def test_other_lines_are_not(line):
    assert sightings(Record(1, 1.0, line), GPUS) is None


def test_a_gpu_is_named_by_its_number_where_that_is_known():
    line = "NVRM: Xid (PCI:{}): 48, x"
    assert sightings(Record(1, 1.0, line.format("00000000:86:00")), GPUS).message == "XID 48 on GPU 1"
    assert sightings(Record(1, 1.0, line.format("0000:01:00")), GPUS).message == "XID 48 on the GPU at 0000:01:00"


def test_records_are_read_as_the_kernel_writes_them():
    assert parse(b"6,339,5140900,-;NET: Registered\n SUBSYSTEM=x") == Record(339, 5.1409, "NET: Registered")
    for nonsense in (b"", b"no record", b"a,b,c;text", b"6,339;text", b"\xff\xfe;\xff"):
        assert parse(nonsense) is None
    assert parse(b"6,1,1,-;\xff\xfe").text


def test_what_counts_in_numbers_is_none_once_and_passes():
    book = Book()
    book.expect(["DiskFailing"], 0)
    error = Sighting("DiskFailing", "DiskErrors", "I/O error, dev sda", 3)
    book.see(error, 10)
    book.see(error, 700)
    book.see(error, 701)
    assert book.conditions["DiskFailing"].is_well, "the first is too long ago"
    book.see(error, 702)
    said = book.conditions["DiskFailing"]
    assert (said.is_well, said.reason, said.since) == (False, "DiskErrors", 702)
    book.age(1000)
    assert not book.conditions["DiskFailing"].is_well
    book.age(1303)
    assert book.conditions["DiskFailing"].is_well


def test_what_the_kernel_says_once_and_for_all_stays():
    book = Book()
    book.see(Sighting("ReadonlyFilesystem", "FilesystemIsReadOnly", "x"), 10)
    book.age(10_000)
    assert not book.conditions["ReadonlyFilesystem"].is_well


def test_an_applications_xid_passes_and_hides_no_gpu_that_is_broken():
    lost, fault = (sightings(Record(1, 1, f"NVRM: Xid (PCI:0000:3b:00): {code}, x"), GPUS) for code in (79, 31))
    book = Book()
    book.see(fault, 10)
    assert book.conditions["AcceleratedHardwareReady"].reason == "NvidiaXID31Error"
    book.age(700)
    assert book.conditions["AcceleratedHardwareReady"].is_well
    book.see(lost, 800)
    book.see(fault, 801)
    book.age(5000)
    assert book.conditions["AcceleratedHardwareReady"].reason == "NvidiaXID79Error"


def test_checks_say_anew_how_it_is_and_since_when():
    book = Book()
    for now in (5, 10):
        book.measure([Measured("NTPProblem", "NTPIsDown", f"{now}")], now)
    assert written("NTPProblem", book.conditions["NTPProblem"], 12)["lastTransitionTime"] == "1970-01-01T00:00:05Z"
    assert written("NTPProblem", book.conditions["NTPProblem"], 12)["status"] == "True"
    book.measure([Measured("NTPProblem")], 15)
    assert written("NTPProblem", book.conditions["NTPProblem"], 15)["status"] == "False"
    book.measure([Measured("AcceleratedHardwareReady")], 15)
    assert written("AcceleratedHardwareReady", book.conditions["AcceleratedHardwareReady"], 15)["status"] == "True"


def test_what_a_check_says_passes_with_it_and_what_the_kernel_told_stays():
    book = Book()
    book.measure([Measured("DiskFailing", "DiskHangs", "x")], 5)
    book.measure([Measured("DiskFailing")], 10)
    assert book.conditions["DiskFailing"].is_well
    book.see(Sighting("DiskFailing", "DiskGone", "nvme0"), 20)
    book.measure([Measured("DiskFailing", "DiskHangs", "x")], 25)
    book.measure([Measured("DiskFailing")], 30)
    said = book.conditions["DiskFailing"]
    assert (said.is_well, said.reason, said.since) == (False, "DiskGone", 20)


def test_what_counts_in_numbers_passes_though_a_check_spoke_meanwhile():
    book = Book()
    for now in (1, 2, 3):
        book.see(Sighting("DiskFailing", "DiskErrors", "x", 3), now)
    book.measure([Measured("DiskFailing", "DiskHangs", "x")], 10)
    book.age(1000)
    assert book.conditions["DiskFailing"].reason == "DiskHangs"
    book.measure([Measured("DiskFailing")], 1010)
    assert book.conditions["DiskFailing"].is_well


def test_a_flood_is_remembered_within_bounds():
    book = Book()
    for number in range(10_000):
        book.see(Sighting("DiskFailing", "DiskErrors", "x", 3), number / 1000)
    assert len(book.events) <= 16
    assert sum(len(times) for times in book._times.values()) <= 64
