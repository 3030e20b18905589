package main

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/scheme"
)

var groupVersion = schema.GroupVersion{Group: "bench.kubewright.dev", Version: "v1"}
var schemeBuilder = (&scheme.Builder{GroupVersion: groupVersion}).Register(&WebApp{}, &WebAppList{})

// WebApp is the kind that benches/peers/webapp.py defines.
type WebApp struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              WebAppSpec   `json:"spec"`
	Status            WebAppStatus `json:"status,omitempty"`
}

type WebAppSpec struct {
	Image    string `json:"image"`
	Replicas int32  `json:"replicas"`
	Ports    []Port `json:"ports"`
}

type Port struct {
	Name string `json:"name"`
	Port int32  `json:"port"`
}

type WebAppStatus struct {
	ObservedGeneration int64              `json:"observedGeneration,omitempty"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
}

type WebAppList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []WebApp `json:"items"`
}

func (w *WebApp) DeepCopyObject() runtime.Object {
	copied := *w
	w.ObjectMeta.DeepCopyInto(&copied.ObjectMeta)
	copied.Spec.Ports = append([]Port(nil), w.Spec.Ports...)
	copied.Status = *w.Status.DeepCopy()
	return &copied
}

func (s *WebAppStatus) DeepCopy() *WebAppStatus {
	copied := *s
	copied.Conditions = append([]metav1.Condition(nil), s.Conditions...)
	return &copied
}

func (l *WebAppList) DeepCopyObject() runtime.Object {
	copied := *l
	l.ListMeta.DeepCopyInto(&copied.ListMeta)
	copied.Items = make([]WebApp, len(l.Items))
	for i := range l.Items {
		copied.Items[i] = *l.Items[i].DeepCopyObject().(*WebApp)
	}
	return &copied
}
