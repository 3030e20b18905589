// An operator of controller-runtime that keeps WebApps, the peer of benches/operator.py: a Deployment, a Service and a
// status for each. It does what a careful user writes: reads from the cache, writes what differs, filters by generation.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
)

const label = "bench.kubewright.dev/app"

type reconciler struct {
	client.Client
	scheme *runtime.Scheme
}

// Reconcile brings one WebApp's children to what it says, then its status.
func (r *reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	app := &WebApp{}
	if err := r.Get(ctx, request.NamespacedName, app); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if app.DeletionTimestamp != nil {
		return ctrl.Result{}, nil
	}
	if err := r.deployment(ctx, app); err != nil {
		return ctrl.Result{}, err
	}
	if err := r.service(ctx, app); err != nil {
		return ctrl.Result{}, err
	}
	before := app.Status.DeepCopy()
	app.Status.ObservedGeneration = app.Generation
	meta.SetStatusCondition(&app.Status.Conditions, metav1.Condition{
		Type: "Applied", Status: metav1.ConditionTrue, Reason: "Applied", Message: "all children are as wanted",
		ObservedGeneration: app.Generation,
	})
	if equality.Semantic.DeepEqual(before, &app.Status) {
		return ctrl.Result{}, nil
	}
	return ctrl.Result{}, r.Status().Update(ctx, app)
}

func (r *reconciler) deployment(ctx context.Context, app *WebApp) error {
	found := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: app.Name, Namespace: app.Namespace}}
	_, err := controllerutil.CreateOrUpdate(ctx, r.Client, found, func() error {
		labels := map[string]string{label: app.Name}
		found.Labels = labels
		found.Spec.Replicas = &app.Spec.Replicas
		found.Spec.Selector = &metav1.LabelSelector{MatchLabels: labels}
		found.Spec.Template.Labels = labels
		if len(found.Spec.Template.Spec.Containers) != 1 {
			found.Spec.Template.Spec.Containers = make([]corev1.Container, 1)
		}
		// What the server filled in beside these fields stays, or each turn would be an update.
		container := &found.Spec.Template.Spec.Containers[0]
		container.Name, container.Image = "main", app.Spec.Image
		if len(container.Ports) != len(app.Spec.Ports) {
			container.Ports = make([]corev1.ContainerPort, len(app.Spec.Ports))
		}
		for i, port := range app.Spec.Ports {
			container.Ports[i].Name, container.Ports[i].ContainerPort = port.Name, port.Port
		}
		return controllerutil.SetControllerReference(app, found, r.scheme)
	})
	return err
}

func (r *reconciler) service(ctx context.Context, app *WebApp) error {
	found := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: app.Name, Namespace: app.Namespace}}
	_, err := controllerutil.CreateOrUpdate(ctx, r.Client, found, func() error {
		found.Labels = map[string]string{label: app.Name}
		found.Spec.Selector = map[string]string{label: app.Name}
		if len(found.Spec.Ports) != len(app.Spec.Ports) {
			found.Spec.Ports = make([]corev1.ServicePort, len(app.Spec.Ports))
		}
		for i, port := range app.Spec.Ports {
			of := &found.Spec.Ports[i]
			of.Name, of.Port, of.TargetPort = port.Name, port.Port, intstr.FromString(port.Name)
		}
		return controllerutil.SetControllerReference(app, found, r.scheme)
	})
	return err
}

func main() {
	path := flag.String("config", "", "the kubeconfig")
	workers := flag.Int("workers", 8, "reconciles at once")
	flag.Parse()
	ctrl.SetLogger(zap.New())
	if err := run(*path, *workers); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(path string, workers int) error {
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return err
	}
	config.QPS = -1 // as ctrl.GetConfig has it: the server limits, not the client
	known := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, schemeBuilder.AddToScheme} {
		if err := add(known); err != nil {
			return err
		}
	}
	manager, err := ctrl.NewManager(config, ctrl.Options{Scheme: known, Metrics: server.Options{BindAddress: "0"}})
	if err != nil {
		return err
	}
	err = ctrl.NewControllerManagedBy(manager).
		For(&WebApp{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Owns(&appsv1.Deployment{}).
		Owns(&corev1.Service{}).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		Complete(&reconciler{manager.GetClient(), known})
	if err != nil {
		return err
	}
	log.Log.Info("starting")
	return manager.Start(ctrl.SetupSignalHandler())
}
