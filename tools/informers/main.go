// Informers is a client of an API server made of client-go's own parts, those that controllers are written with.
// tests/e2e/test_informers.py runs it. It prints what it saw as one JSON object; it ends with 1 where a step failed.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const patience = time.Minute

type client struct {
	typed     kubernetes.Interface
	powerless kubernetes.Interface
	dynamic   dynamic.Interface
	namespace string
	began     counter
	report    map[string]any
	refusals  []string
}

func main() {
	path := flag.String("kubeconfig", "", "how to reach the API server")
	binary := flag.Bool("protobuf", false, "write protobuf and ask for it, as the components of Kubernetes do")
	flag.Parse()
	config, err := clientcmd.BuildConfigFromFlags("", *path)
	exitOn("read the kubeconfig", err)
	ctx, cancel := context.WithTimeout(context.Background(), 4*patience)
	defer cancel()
	c := &client{report: map[string]any{}}
	exitOn("connect", c.connect(ctx, config, *binary))
	for _, step := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"informers", c.follow}, {"apply", c.apply}, {"workload", c.workload}, {"leader election", c.elect},
		{"errors", c.err}, {"end", c.end},
	} {
		exitOn(step.name, step.run(ctx))
	}
	c.report["began"], c.report["refusals"] = c.began.counts, c.refusals
	exitOn("report", json.NewEncoder(os.Stdout).Encode(c.report))
}

func exitOn(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}

func (c *client) connect(ctx context.Context, config *rest.Config, binary bool) error {
	config.QPS, config.Burst = 500, 500
	config.Wrap(c.began.wrap)
	c.dynamic = dynamic.NewForConfigOrDie(config)
	if binary {
		config = rest.CopyConfig(config)
		config.ContentType = "application/vnd.kubernetes.protobuf"
		config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	}
	c.typed = kubernetes.NewForConfigOrDie(config)
	nobody := rest.CopyConfig(config)
	nobody.Impersonate.UserName = "nobody"
	c.powerless = kubernetes.NewForConfigOrDie(nobody)
	wanted := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "informers-"}}
	made, err := c.typed.CoreV1().Namespaces().Create(ctx, wanted, metav1.CreateOptions{})
	if err == nil {
		c.namespace = made.Name
	}
	return err
}

// refused notes that an answer was an error of the sort that client-go recognises as expected.
func (c *client) refused(what string, err error, expected func(error) bool) error {
	if !expected(err) {
		return fmt.Errorf("%s was answered with: %v", what, err)
	}
	c.refusals = append(c.refusals, what)
	return nil
}

func eventually(ctx context.Context, what string, condition func() bool) error {
	held := func(context.Context) (bool, error) { return condition(), nil }
	if err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, held); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func (c *client) end(ctx context.Context) error {
	namespaces := c.typed.CoreV1().Namespaces()
	if err := c.dynamic.Resource(definitions).Delete(ctx, definitionName, metav1.DeleteOptions{}); err != nil {
		return err
	}
	if err := namespaces.Delete(ctx, c.namespace, metav1.DeleteOptions{}); err != nil {
		return err
	}
	return eventually(ctx, "the namespace is gone", func() bool {
		_, err := namespaces.Get(ctx, c.namespace, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
}

// counter counts how reflectors begin: with a stream of what is there, or with a list from the server's cache.
type counter struct {
	mu     sync.Mutex
	counts map[string]int
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

func (c *counter) wrap(next http.RoundTripper) http.RoundTripper {
	c.counts = map[string]int{"stream": 0, "list": 0}
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		query := request.URL.Query()
		c.mu.Lock()
		if query.Get("sendInitialEvents") == "true" {
			c.counts["stream"]++
		} else if query.Get("resourceVersion") == "0" && !query.Has("watch") {
			c.counts["list"]++
		}
		c.mu.Unlock()
		return next.RoundTrip(request)
	})
}
