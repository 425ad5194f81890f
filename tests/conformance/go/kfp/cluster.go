package kfp

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	apiv1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
)

const namespace = "kubeflow"

// cluster is what the driver finds of Kubernetes: client-go's fake, behind the address that a kubeconfig names. The driver makes its
// client itself, from the configuration of the pod or else from a kubeconfig (GetKubernetesConfig in backend/src/common/util/service.go),
// so nothing can be handed to it. There are claims, and no ConfigMap of the launcher (so the backend's defaults hold). Any other request
// is refused.
type cluster struct {
	objects  *fake.Clientset
	listener net.Listener
	server   *http.Server
	created  []string
	deleted  []string
}

// newCluster starts a cluster and makes it the one of this process's kubeconfig, a file in `folder`.
func newCluster(folder string) (*cluster, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &cluster{objects: fake.NewClientset(), listener: listener, created: []string{}, deleted: []string{}}
	routes := http.NewServeMux()
	const claims = "/api/v1/namespaces/{namespace}/persistentvolumeclaims"
	routes.HandleFunc("POST "+claims, c.createClaim)
	routes.HandleFunc("GET "+claims+"/{name}", c.getClaim)
	routes.HandleFunc("DELETE "+claims+"/{name}", c.deleteClaim)
	routes.HandleFunc("GET /api/v1/namespaces/{namespace}/configmaps/{name}", c.getConfigMap)
	routes.HandleFunc("GET /api/v1/namespaces/{namespace}/pods/{name}", c.getPod)
	routes.HandleFunc("/", func(answer http.ResponseWriter, request *http.Request) {
		respond(answer, nil, apierrors.NewMethodNotSupported(apiv1.Resource(request.URL.Path), request.Method))
	})
	c.server = &http.Server{Handler: routes}
	go func() { _ = c.server.Serve(listener) }()
	path := filepath.Join(folder, "kubeconfig")
	config := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"c","clusters":[{"name":"c","cluster":{"server":"http://%s"}}],
"contexts":[{"name":"c","context":{"cluster":"c","user":"u"}}],"users":[{"name":"u","user":{}}]}`, listener.Addr())
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		c.stop()
		return nil, err
	}
	// A test that itself runs in a pod must not find that pod's cluster.
	return c, firstError(os.Unsetenv("KUBERNETES_SERVICE_HOST"), os.Setenv("KUBECONFIG", path))
}

func (c *cluster) stop() { _ = c.server.Close() }

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// respond writes an object, or the status that Kubernetes has for an error.
func respond(answer http.ResponseWriter, object any, err error) {
	answer.Header().Set("Content-Type", "application/json")
	if err != nil {
		status := apierrors.NewInternalError(err).Status()
		if known, ok := err.(apierrors.APIStatus); ok {
			status = known.Status()
		}
		status.Kind, status.APIVersion = "Status", "v1"
		answer.WriteHeader(int(status.Code))
		object = status
	}
	_ = json.NewEncoder(answer).Encode(object)
}

func (c *cluster) getConfigMap(answer http.ResponseWriter, request *http.Request) {
	object, err := c.objects.CoreV1().ConfigMaps(request.PathValue("namespace")).Get(request.Context(), request.PathValue("name"), metav1.GetOptions{})
	respond(answer, object, err)
}

// getPod knows every pod: the driver asks for its own, to note its uid, where the tests run in a pod themselves.
func (c *cluster) getPod(answer http.ResponseWriter, request *http.Request) {
	respond(answer, &apiv1.Pod{ObjectMeta: metav1.ObjectMeta{Name: request.PathValue("name"), UID: "pod"}}, nil)
}

func (c *cluster) getClaim(answer http.ResponseWriter, request *http.Request) {
	object, err := c.objects.CoreV1().PersistentVolumeClaims(request.PathValue("namespace")).Get(
		request.Context(), request.PathValue("name"), metav1.GetOptions{})
	respond(answer, object, err)
}

func (c *cluster) createClaim(answer http.ResponseWriter, request *http.Request) {
	claim := &apiv1.PersistentVolumeClaim{}
	body, err := io.ReadAll(request.Body)
	if err == nil {
		// Clients write JSON or protocol buffers, as they like.
		_, _, err = scheme.Codecs.UniversalDeserializer().Decode(body, nil, claim)
	}
	if err == nil {
		err = validClaim(claim)
	}
	if err != nil {
		respond(answer, nil, apierrors.NewBadRequest(err.Error()))
		return
	}
	object, err := c.objects.CoreV1().PersistentVolumeClaims(request.PathValue("namespace")).Create(request.Context(), claim, metav1.CreateOptions{})
	if err == nil {
		c.created = append(c.created, claim.Name)
	}
	respond(answer, object, err)
}

// validClaim holds what an API server would say of a claim and the fake does not.
func validClaim(claim *apiv1.PersistentVolumeClaim) error {
	if problems := validation.IsDNS1123Subdomain(claim.Name); len(problems) > 0 {
		return fmt.Errorf("metadata.name: %s", strings.Join(problems, "; "))
	}
	known := []apiv1.PersistentVolumeAccessMode{apiv1.ReadWriteOnce, apiv1.ReadOnlyMany, apiv1.ReadWriteMany, apiv1.ReadWriteOncePod}
	for _, mode := range claim.Spec.AccessModes {
		if !slices.Contains(known, mode) {
			return fmt.Errorf("spec.accessModes: unsupported value %q", mode)
		}
	}
	if len(claim.Spec.AccessModes) == 0 {
		return fmt.Errorf("spec.accessModes: at least one is required")
	}
	if size := claim.Spec.Resources.Requests[apiv1.ResourceStorage]; size.Sign() <= 0 {
		return fmt.Errorf("spec.resources[storage]: must be greater than zero")
	}
	return nil
}

func (c *cluster) deleteClaim(answer http.ResponseWriter, request *http.Request) {
	name := request.PathValue("name")
	err := c.objects.CoreV1().PersistentVolumeClaims(request.PathValue("namespace")).Delete(request.Context(), name, metav1.DeleteOptions{})
	if err == nil {
		c.deleted = append(c.deleted, name)
	}
	respond(answer, &metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusSuccess}, err)
}

// drawn is the random part that createPVC in backend/src/v2/driver/k8s.go puts before a suffix.
var drawn = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-?`)

// plain are names of claims without what was drawn for the run, in order.
func plain(names []string) []string {
	result := []string{}
	for _, name := range names {
		if rest := drawn.ReplaceAllString(name, ""); rest != "" {
			name = rest
		}
		result = append(result, name)
	}
	slices.Sort(result)
	return result
}
