import pytest

from kubewright.errors import OpError
from kubewright.replay.openb import read_day

NODES = "sn,cpu_milli,memory_mib,gpu,model\nn0,32000,262144,0,\nn1,64000,262144,2,P100\n"
HEAD = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n"
DAY = 86_400


def written(folder, pods, nodes=NODES):
    (folder / "nodes.csv").write_text(nodes)
    (folder / "pods.csv").write_text(pods)
    return folder / "nodes.csv", folder / "pods.csv"


def test_the_day_in_which_the_most_pods_came_is_cut_out_with_what_runs_when_it_begins(tmp_path):
    rows = [
        f"early,1000,1024,0,0,,BE,Running,0,{3 * DAY},0",
        f"gone,1000,1024,0,0,,BE,Running,0,{DAY // 2},0",
        f"one,2000,2048,1,460,P100|T4,LS,Running,{DAY + 10},{DAY + 70},{DAY + 10}",
        f"two,2000,2048,0,0,,LS,Running,{DAY + 20},{DAY + 50},{DAY + 20}",
        f"three,2000,2048,0,0,,LS,Running,{DAY + 30},{DAY + 50},{DAY + 30}",
    ]
    day = read_day(*written(tmp_path, HEAD + "\n".join(rows) + "\n"))
    assert [(each.name, each.at, each.seconds) for each in day.works] == [
        ("early", 0.0, 2.0 * DAY),
        ("one", 10.0, 60.0),
        ("two", 20.0, 30.0),
        ("three", 30.0, 20.0),
    ]
    shared = day.works[1].request
    assert (shared.gpus, shared.gpu_milli, shared.models) == (1, 460, ("P100", "T4"))
    assert [each.status.allocatable.get("nvidia.com/gpu") for each in day.nodes] == [None, "2"]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("p,many,1,0,0,,,,0,1,0", "cpu_milli is no whole number: 'many'"),
        ("p,-1,1,0,0,,,,0,1,0", "cpu_milli is -1, not between 0"),
        ("p,1,1,1,0,,,,0,1,0", "num_gpu is 1 and gpu_milli is 0"),
        ("p,1,1,1,2000,,,,0,1,0", "gpu_milli is 2000, not between 0 and 1000"),
        ("p,1,1,0,0,,,,9,1,0", "deletion_time 1 is before creation_time 9"),
        ("p,1,1", "the number of fields is not the header's"),
        ("\x1b[2J,1,1,0,0,,,,0,1,0", "name is not a name"),
        ("a,1,1,0,0,,,,0,1,0", "a is there twice"),
    ],
)
def test_a_bad_row_is_refused_with_its_line_and_the_reason(tmp_path, row, why):
    files = written(tmp_path, HEAD + "a,1,1,0,0,,,,0,1,0\n" + row + "\n")
    with pytest.raises(OpError) as caught:
        read_day(*files)
    assert "pods.csv:3" in str(caught.value)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("pods", "why"),
    [
        ("name,cpu_milli\n", "the header lacks memory_mib"),
        (HEAD, "there is no row below the header"),
        ("", "the header lacks name"),
    ],
)
def test_a_file_that_is_no_trace_is_refused(tmp_path, pods, why):
    with pytest.raises(OpError, match=why):
        read_day(*written(tmp_path, pods))


def test_text_that_is_no_text_is_refused(tmp_path):
    nodes, pods = written(tmp_path, HEAD)
    pods.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(OpError, match=r"pods\.csv"):
        read_day(nodes, pods)
