from tools.kinds import gotypes, protobuf
from tools.kinds.gotypes import GoField
from tools.kinds.messages import Source, tables

PROTO = """
package k8s.io.api.core.v1;
message Volume {
  optional string name = 1;
  optional VolumeSource volumeSource = 2;
  optional Extra extra = 3;
}
message VolumeSource {
  optional EmptyDir emptyDir = 1;
  map<string, Named> others = 2;
}
message EmptyDir {
  optional string medium = 1;
}
message Named {
  optional bytes hidden = 1;
}
message Extra {
  repeated string items = 1;
}
message Unreached {
  optional string x = 1;
}
"""
GO = """
type Volume struct {
	Plain string
	// name of it
	Name string `json:"name" protobuf:"bytes,1,opt,name=name"`
	VolumeSource `json:"" protobuf:"bytes,2,opt,name=volumeSource"`
	Extra Extra `json:"extra,omitempty" protobuf:"bytes,3,opt,name=extra"`
}

type VolumeSource struct {
	EmptyDir *EmptyDir `json:"emptyDir,omitempty" protobuf:"bytes,1,opt,name=emptyDir"`
	Others map[string]Named `json:"others,omitempty" protobuf:"bytes,2,rep,name=others"`
}

type EmptyDir struct {
	Medium string `json:"medium,omitempty,omitzero" protobuf:"bytes,1,opt,name=medium"`
}

type Named struct {
	Hidden []byte `json:"-" protobuf:"bytes,1,opt,name=hidden"`
}

type Extra []string
"""
CORE = "io.k8s.api.core.v1."


def joined():
    return tables([Source(protobuf.parse(PROTO), gotypes.parse(GO))], [f"{CORE}Volume", "io.k8s.api.core.v1.NoSuch"])


def test_a_struct_field_tells_json_name_and_whether_its_empty_value_counts():
    parsed = gotypes.parse(GO)
    assert parsed["Volume"] == (GoField(1, "name", True), GoField(2, "", False), GoField(3, "extra", False))
    assert parsed["VolumeSource"] == (GoField(1, "emptyDir", True), GoField(2, "others", False))
    assert parsed["EmptyDir"] == (GoField(1, "medium", False),)


def test_only_what_the_roots_reach_is_kept():
    fields, _ = joined()
    assert sorted(fields) == [f"{CORE}{name}" for name in ("EmptyDir", "Extra", "Named", "Volume", "VolumeSource")]


def test_an_embedded_struct_has_no_json_name_of_its_own():
    fields, _ = joined()
    assert fields[f"{CORE}Volume"]["2"] == ["", f"{CORE}VolumeSource", 0, None]


def test_a_message_around_a_slice_stands_for_the_list_itself():
    fields, _ = joined()
    assert fields[f"{CORE}Extra"] == {"1": ["*", "string", 1, None]}


def test_a_map_keeps_the_type_of_its_values():
    fields, _ = joined()
    assert fields[f"{CORE}VolumeSource"]["2"] == ["others", "map", 0, f"{CORE}Named"]


def test_a_field_that_json_does_not_show_keeps_its_protobuf_name():
    fields, _ = joined()
    assert fields[f"{CORE}Named"] == {"1": ["hidden", "bytes", 0, None]}


def test_pointers_and_fields_without_omitempty_keep_their_empty_values():
    _, keeps_empty = joined()
    assert keeps_empty == {f"{CORE}Volume": [1], f"{CORE}VolumeSource": [1]}
