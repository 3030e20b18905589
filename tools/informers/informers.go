package main

import (
	"context"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/cache"
)

const definitionName = "gadgets.informers.kubewright.dev"
const definition = `{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
"metadata": {"name": "gadgets.informers.kubewright.dev"},
"spec": {"group": "informers.kubewright.dev", "scope": "Namespaced",
"names": {"plural": "gadgets", "singular": "gadget", "kind": "Gadget", "listKind": "GadgetList"},
"versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
"schema": {"openAPIV3Schema": {"type": "object", "properties": {
"spec": {"type": "object", "default": {}, "properties": {"size": {"type": "integer", "default": 1, "maximum": 9}}},
"status": {"type": "object", "properties": {"phase": {"type": "string"}}}}}}}]}}`

var definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// journal keeps the events of one informer in their order.
type journal struct {
	mu       sync.Mutex
	seen     []string
	describe func(any) string
}

func (j *journal) note(event string, object any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.seen = append(j.seen, event+" "+j.describe(object))
}

func (j *journal) handler() cache.ResourceEventHandler {
	return cache.ResourceEventHandlerDetailedFuncs{
		AddFunc: func(object any, initial bool) {
			j.note(map[bool]string{true: "initial", false: "added"}[initial], object)
		},
		UpdateFunc: func(_, object any) { j.note("updated", object) },
		DeleteFunc: func(object any) { j.note("deleted", object) },
	}
}

// ended waits for as many events as are due, and gives those that came.
func (j *journal) ended(ctx context.Context, due int) ([]string, error) {
	err := eventually(ctx, "events", func() bool {
		j.mu.Lock()
		defer j.mu.Unlock()
		return len(j.seen) >= due
	})
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		err = fmt.Errorf("%w: %q", err, j.seen)
	}
	return j.seen, err
}

// follow watches ConfigMaps by a shared informer, and a kind of its own by a dynamic one, while it writes them.
func (c *client) follow(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	gadgets, err := c.define(ctx)
	if err != nil {
		return err
	}
	if err := c.makeBefore(ctx, gadgets); err != nil {
		return err
	}
	own := func(options *metav1.ListOptions) { options.LabelSelector = "own=yes" }
	typed := informers.NewSharedInformerFactoryWithOptions(c.typed, 0, informers.WithNamespace(c.namespace), informers.WithTweakListOptions(own))
	untyped := dynamicinformer.NewFilteredDynamicSharedInformerFactory(c.dynamic, 0, c.namespace, nil)
	maps := &journal{describe: func(object any) string {
		found, _ := object.(*corev1.ConfigMap)
		return found.Name + " " + found.Data["k"]
	}}
	custom := &journal{describe: func(object any) string {
		found, _ := object.(*unstructured.Unstructured)
		size, _, _ := unstructured.NestedInt64(found.Object, "spec", "size")
		phase, _, _ := unstructured.NestedString(found.Object, "status", "phase")
		return fmt.Sprint(found.GetName(), " ", size, phase)
	}}
	if _, err := typed.Core().V1().ConfigMaps().Informer().AddEventHandler(maps.handler()); err != nil {
		return err
	}
	if _, err := untyped.ForResource(gadgets).Informer().AddEventHandler(custom.handler()); err != nil {
		return err
	}
	typed.Start(ctx.Done())
	untyped.Start(ctx.Done())
	typed.WaitForCacheSync(ctx.Done())
	untyped.WaitForCacheSync(ctx.Done())
	if err := c.writeMaps(ctx); err != nil {
		return err
	}
	if err := c.writeGadgets(ctx, c.dynamic.Resource(gadgets).Namespace(c.namespace)); err != nil {
		return err
	}
	if c.report["maps"], err = maps.ended(ctx, 7); err != nil {
		return err
	}
	c.report["gadgets"], err = custom.ended(ctx, 6)
	return err
}

// define makes the kind and gives what discovery says that it is called in paths.
func (c *client) define(ctx context.Context) (schema.GroupVersionResource, error) {
	wanted := &unstructured.Unstructured{}
	if err := wanted.UnmarshalJSON([]byte(definition)); err != nil {
		return definitions, err
	}
	if _, err := c.dynamic.Resource(definitions).Create(ctx, wanted, metav1.CreateOptions{}); err != nil {
		return definitions, err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(c.typed.Discovery()))
	var found *meta.RESTMapping
	err := eventually(ctx, "discovery of the kind", func() (ok bool) {
		mapper.Reset()
		mapping, err := mapper.RESTMapping(schema.GroupKind{Group: "informers.kubewright.dev", Kind: "Gadget"})
		found = mapping
		return err == nil
	})
	if err != nil {
		return definitions, err
	}
	return found.Resource, nil
}

func labelled(name, value string) *corev1.ConfigMap {
	object := metav1.ObjectMeta{Name: name, Labels: map[string]string{"own": "yes"}}
	return &corev1.ConfigMap{ObjectMeta: object, Data: map[string]string{"k": value}}
}

func gadget(name string, spec map[string]any) *unstructured.Unstructured {
	metadata := map[string]any{"name": name}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "informers.kubewright.dev/v1", "kind": "Gadget", "metadata": metadata, "spec": spec,
	}}
}

func (c *client) makeBefore(ctx context.Context, gadgets schema.GroupVersionResource) error {
	_, err := c.typed.CoreV1().ConfigMaps(c.namespace).Create(ctx, labelled("before", "0"), metav1.CreateOptions{})
	if err != nil {
		return err
	}
	before := gadget("before", map[string]any{"size": int64(5)})
	// A kind may be discovered a moment before it is served.
	return eventually(ctx, "a gadget", func() bool {
		_, err := c.dynamic.Resource(gadgets).Namespace(c.namespace).Create(ctx, before, metav1.CreateOptions{})
		return err == nil || apierrors.IsAlreadyExists(err)
	})
}

func (c *client) writeMaps(ctx context.Context) error {
	maps := c.typed.CoreV1().ConfigMaps(c.namespace)
	made, err := maps.Create(ctx, labelled("during", "1"), metav1.CreateOptions{})
	if err != nil {
		return err
	}
	made.Data["k"] = "2"
	if _, err := maps.Update(ctx, made, metav1.UpdateOptions{}); err != nil {
		return err
	}
	_, err = maps.Update(ctx, made, metav1.UpdateOptions{})
	if err := c.refused("stale update", err, apierrors.IsConflict); err != nil {
		return err
	}
	for _, patch := range []struct {
		kind types.PatchType
		body string
	}{
		{types.MergePatchType, `{"data": {"k": "3"}}`},
		{types.StrategicMergePatchType, `{"data": {"k": "4"}}`},
		// It leaves the selector, which is an end for those who watch by it.
		{types.JSONPatchType, `[{"op": "remove", "path": "/metadata/labels/own"}]`},
	} {
		if _, err := maps.Patch(ctx, "during", patch.kind, []byte(patch.body), metav1.PatchOptions{}); err != nil {
			return err
		}
	}
	return maps.Delete(ctx, "before", metav1.DeleteOptions{})
}

func (c *client) writeGadgets(ctx context.Context, gadgets dynamic.ResourceInterface) error {
	made, err := gadgets.Create(ctx, gadget("during", map[string]any{}), metav1.CreateOptions{})
	if err != nil {
		return err
	}
	made.Object["status"] = map[string]any{"phase": "Ready"}
	if _, err := gadgets.UpdateStatus(ctx, made, metav1.UpdateOptions{}); err != nil {
		return err
	}
	// Who created it owns what was defaulted, too.
	manager := metav1.ApplyOptions{FieldManager: "one", Force: true}
	if _, err := gadgets.Apply(ctx, "during", gadget("during", map[string]any{"size": int64(2)}), manager); err != nil {
		return err
	}
	_, err = gadgets.Apply(ctx, "during", gadget("during", map[string]any{"size": int64(10)}), manager)
	if err := c.refused("value out of bounds", err, apierrors.IsInvalid); err != nil {
		return err
	}
	if err := gadgets.Delete(ctx, "during", metav1.DeleteOptions{}); err != nil {
		return err
	}
	return gadgets.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{})
}
