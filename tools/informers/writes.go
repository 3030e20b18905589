package main

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// apply uses typed configurations under two managers.
func (c *client) apply(ctx context.Context) error {
	maps := c.typed.CoreV1().ConfigMaps(c.namespace)
	wanted := func(value string) *applycore.ConfigMapApplyConfiguration {
		return applycore.ConfigMap("applied", c.namespace).WithData(map[string]string{"k": value})
	}
	if _, err := maps.Apply(ctx, wanted("1"), metav1.ApplyOptions{FieldManager: "one"}); err != nil {
		return err
	}
	_, err := maps.Apply(ctx, wanted("2"), metav1.ApplyOptions{FieldManager: "other"})
	if err := c.refused("apply of another's field", err, apierrors.IsConflict); err != nil {
		return err
	}
	applied, err := maps.Apply(ctx, wanted("2"), metav1.ApplyOptions{FieldManager: "other", Force: true})
	if err != nil {
		return err
	}
	mine, err := applycore.ExtractConfigMap(applied, "other")
	if err == nil {
		c.report["applied"] = mine.Data
	}
	return err
}

// workload follows a Deployment and its pods by listers, patches it, and evicts a pod.
func (c *client) workload(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	factory := informers.NewSharedInformerFactoryWithOptions(c.typed, 0, informers.WithNamespace(c.namespace))
	deployments, pods := factory.Apps().V1().Deployments().Lister(), factory.Core().V1().Pods().Lister()
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	chosen := map[string]string{"app": "web"}
	containers := []corev1.Container{{Name: "main", Image: "nginx:1"}, {Name: "side", Image: "busybox:1"}}
	spec := appsv1.DeploymentSpec{
		Selector: &metav1.LabelSelector{MatchLabels: chosen},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: chosen}, Spec: corev1.PodSpec{Containers: containers}},
	}
	wanted := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: spec}
	api := c.typed.AppsV1().Deployments(c.namespace)
	if _, err := api.Create(ctx, wanted, metav1.CreateOptions{}); err != nil {
		return err
	}
	_, err := api.Create(ctx, wanted, metav1.CreateOptions{})
	if err := c.refused("second creation", err, apierrors.IsAlreadyExists); err != nil {
		return err
	}
	patch := []byte(`{"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "busybox:2"}]}}}}`)
	patched, err := api.Patch(ctx, "web", types.StrategicMergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		return err
	}
	images := map[string]string{}
	for _, container := range patched.Spec.Template.Spec.Containers {
		images[container.Name] = container.Image
	}
	c.report["images"] = images
	only := func() string {
		found, err := deployments.Deployments(c.namespace).Get("web")
		present, _ := pods.Pods(c.namespace).List(labels.SelectorFromSet(chosen))
		if err != nil || len(present) != 1 || found.Status.ObservedGeneration < patched.Generation || found.Status.AvailableReplicas != 1 || found.Status.UpdatedReplicas != 1 {
			return ""
		}
		return present[0].Name
	}
	var first string
	if err := eventually(ctx, "the deployment is available", func() bool { first = only(); return first != "" }); err != nil {
		return err
	}
	if err := c.evict(ctx, first, chosen); err != nil {
		return err
	}
	return eventually(ctx, "another pod took its place", func() bool { return only() != "" && only() != first })
}

// evict is refused while a budget forbids it, and then is not.
func (c *client) evict(ctx context.Context, pod string, chosen map[string]string) error {
	budgets := c.typed.PolicyV1().PodDisruptionBudgets(c.namespace)
	least := intstr.FromInt32(1)
	spec := policyv1.PodDisruptionBudgetSpec{MinAvailable: &least, Selector: &metav1.LabelSelector{MatchLabels: chosen}}
	budget := &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: spec}
	if _, err := budgets.Create(ctx, budget, metav1.CreateOptions{}); err != nil {
		return err
	}
	if err := eventually(ctx, "the budget is reckoned", func() bool {
		found, err := budgets.Get(ctx, "web", metav1.GetOptions{})
		return err == nil && found.Status.CurrentHealthy == 1
	}); err != nil {
		return err
	}
	eviction := &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: pod, Namespace: c.namespace}}
	evict := func() error { return c.typed.PolicyV1().Evictions(c.namespace).Evict(ctx, eviction) }
	if err := c.refused("eviction against a budget", evict(), apierrors.IsTooManyRequests); err != nil {
		return err
	}
	if err := budgets.Delete(ctx, "web", metav1.DeleteOptions{}); err != nil {
		return err
	}
	return evict()
}

// elect has two candidates: the first leads, the second waits until the first resigns.
func (c *client) elect(ctx context.Context) error {
	leaders := make(chan string, 2)
	resign := map[string]context.CancelFunc{}
	for _, name := range []string{"first", "second"} {
		turn, cancel := context.WithCancel(ctx)
		defer cancel()
		resign[name] = cancel
		lock := &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Name: "leader", Namespace: c.namespace},
			Client:     c.typed.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: name},
		}
		go leaderelection.RunOrDie(turn, leaderelection.LeaderElectionConfig{
			Lock: lock, ReleaseOnCancel: true, LeaseDuration: time.Minute, RenewDeadline: 30 * time.Second, RetryPeriod: 100 * time.Millisecond,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(context.Context) { leaders <- name },
				OnStoppedLeading: func() {},
			},
		})
		if name == "first" {
			c.report["led"] = []string{<-leaders}
		}
	}
	resign["first"]()
	select {
	case next := <-leaders:
		c.report["led"] = append(c.report["led"].([]string), next)
	case <-time.After(patience):
		return fmt.Errorf("nobody followed the first leader")
	}
	lease, err := c.typed.CoordinationV1().Leases(c.namespace).Get(ctx, "leader", metav1.GetOptions{})
	if err == nil {
		c.report["holder"] = *lease.Spec.HolderIdentity
	}
	return err
}

// err asks for what is refused whatever came before.
func (c *client) err(ctx context.Context) error {
	core, other := c.typed.CoreV1(), types.UID("another")
	_, missing := core.ConfigMaps(c.namespace).Get(ctx, "before", metav1.GetOptions{})
	_, forbidden := c.powerless.CoreV1().Secrets(c.namespace).List(ctx, metav1.ListOptions{})
	_, malformed := core.Secrets(c.namespace).List(ctx, metav1.ListOptions{Continue: "forged"})
	_, invalid := core.ConfigMaps(c.namespace).Create(ctx, labelled("A_B", "0"), metav1.CreateOptions{})
	condition := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &other}}
	for _, each := range []struct {
		what     string
		err      error
		expected func(error) bool
	}{
		{"object that is gone", missing, apierrors.IsNotFound},
		{"list by nobody", forbidden, apierrors.IsForbidden},
		{"forged continue token", malformed, apierrors.IsBadRequest},
		{"name in capitals", invalid, apierrors.IsInvalid},
		{"deletion of another uid", core.ConfigMaps(c.namespace).Delete(ctx, "applied", condition), apierrors.IsConflict},
	} {
		if err := c.refused(each.what, each.err, each.expected); err != nil {
			return err
		}
	}
	return nil
}
