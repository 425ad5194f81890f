package kfp

import (
	"context"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/kubeflow/pipelines/backend/src/v2/metadata"
	pb "github.com/kubeflow/pipelines/third_party/ml-metadata/go/ml_metadata"
)

// store is a server of ML Metadata that keeps everything in memory: what the published contract says about the calls that the backend
// makes (ml_metadata/proto/metadata_store_service.proto). Every other call is answered with Unimplemented by the generated code, as are
// options of these calls that the backend does not use.
//
// The backend's client is a concrete type with a connection inside, so the store is served on the loopback device. Server and client live
// as long as the program; `forget` empties the store between runs. Types stay, since the client remembers their ids.
type store struct {
	pb.UnimplementedMetadataStoreServiceServer

	lock           sync.Mutex
	lastType       int64
	artifactTypes  map[string]*pb.ArtifactType
	executionTypes map[string]*pb.ExecutionType
	contextTypes   map[string]*pb.ContextType

	lastID     int64
	artifacts  map[int64]*pb.Artifact
	executions map[int64]*pb.Execution
	contexts   map[int64]*pb.Context
	events     []*pb.Event
	parents    map[int64][]int64
	// The ids of the contexts of an execution and of an artifact.
	associations map[int64][]int64
	attributions map[int64][]int64
}

// metadataStore is the store of this program, and the backend's own client of it.
var metadataStore = sync.OnceValues(func() (*service, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	result := &service{store: &store{
		artifactTypes:  map[string]*pb.ArtifactType{},
		executionTypes: map[string]*pb.ExecutionType{},
		contextTypes:   map[string]*pb.ContextType{},
	}}
	result.forget()
	server := grpc.NewServer()
	pb.RegisterMetadataStoreServiceServer(server, result.store)
	go func() { _ = server.Serve(listener) }()
	if result.host, result.port, err = net.SplitHostPort(listener.Addr().String()); err != nil {
		return nil, err
	}
	result.client, err = metadata.NewClient(result.host, result.port)
	return result, err
})

type service struct {
	*store
	client     *metadata.Client
	host, port string
}

// forget deletes everything but types.
func (s *store) forget() {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.artifacts, s.executions, s.contexts = map[int64]*pb.Artifact{}, map[int64]*pb.Execution{}, map[int64]*pb.Context{}
	s.lastID, s.events, s.parents = 0, nil, map[int64][]int64{}
	s.associations, s.attributions = map[int64][]int64{}, map[int64][]int64{}
}

// newest is the execution of a task that was made last.
func (s *store) newest(task string) *pb.Execution {
	s.lock.Lock()
	defer s.lock.Unlock()
	var found *pb.Execution
	for _, execution := range s.executions {
		if execution.GetCustomProperties()["task_name"].GetStringValue() == task && execution.GetId() > found.GetId() {
			found = execution
		}
	}
	if found == nil {
		return nil
	}
	return proto.CloneOf(found)
}

// state is the state of an execution; empty if there is none.
func (s *store) state(id int64) string {
	s.lock.Lock()
	defer s.lock.Unlock()
	if execution, ok := s.executions[id]; ok {
		return execution.GetLastKnownState().String()
	}
	return ""
}

func (s *store) id() *int64 {
	s.lastID++
	return proto.Int64(s.lastID)
}

// typeName is what the server adds to everything that it gives out: the name that belongs to the id of the type.
func typeName[T interface {
	GetId() int64
	GetName() string
}](types map[string]T, id int64) *string {
	for _, kind := range types {
		if kind.GetId() == id {
			return proto.String(kind.GetName())
		}
	}
	return nil
}

func now() *int64 { return proto.Int64(time.Now().UnixMilli()) }

func (s *store) PutArtifactType(_ context.Context, request *pb.PutArtifactTypeRequest) (*pb.PutArtifactTypeResponse, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	given := request.GetArtifactType()
	if len(given.GetProperties()) > 0 {
		return nil, status.Error(codes.Unimplemented, "types with properties")
	}
	stored, ok := s.artifactTypes[given.GetName()]
	if !ok {
		stored = proto.CloneOf(given)
		s.lastType++
		stored.Id = proto.Int64(s.lastType)
		s.artifactTypes[given.GetName()] = stored
	}
	return &pb.PutArtifactTypeResponse{TypeId: stored.Id}, nil
}

func (s *store) GetArtifactType(_ context.Context, request *pb.GetArtifactTypeRequest) (*pb.GetArtifactTypeResponse, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	stored, ok := s.artifactTypes[request.GetTypeName()]
	if !ok {
		return nil, status.Errorf(codes.NotFound, "no artifact type %q", request.GetTypeName())
	}
	return &pb.GetArtifactTypeResponse{ArtifactType: stored}, nil
}

func (s *store) PutExecutionType(_ context.Context, request *pb.PutExecutionTypeRequest) (*pb.PutExecutionTypeResponse, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	given := request.GetExecutionType()
	if len(given.GetProperties()) > 0 {
		return nil, status.Error(codes.Unimplemented, "types with properties")
	}
	stored, ok := s.executionTypes[given.GetName()]
	if !ok {
		stored = proto.CloneOf(given)
		s.lastType++
		stored.Id = proto.Int64(s.lastType)
		s.executionTypes[given.GetName()] = stored
	}
	return &pb.PutExecutionTypeResponse{TypeId: stored.Id}, nil
}

func (s *store) PutContextType(_ context.Context, request *pb.PutContextTypeRequest) (*pb.PutContextTypeResponse, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	given := request.GetContextType()
	if len(given.GetProperties()) > 0 {
		return nil, status.Error(codes.Unimplemented, "types with properties")
	}
	stored, ok := s.contextTypes[given.GetName()]
	if !ok {
		stored = proto.CloneOf(given)
		s.lastType++
		stored.Id = proto.Int64(s.lastType)
		s.contextTypes[given.GetName()] = stored
	}
	return &pb.PutContextTypeResponse{TypeId: stored.Id}, nil
}

func (s *store) GetContextType(_ context.Context, request *pb.GetContextTypeRequest) (*pb.GetContextTypeResponse, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	stored, ok := s.contextTypes[request.GetTypeName()]
	if !ok {
		return nil, status.Errorf(codes.NotFound, "no context type %q", request.GetTypeName())
	}
	return &pb.GetContextTypeResponse{ContextType: stored}, nil
}

func (s *store) PutContexts(_ context.Context, request *pb.PutContextsRequest) (*pb.PutContextsResponse, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	response := &pb.PutContextsResponse{}
	for _, given := range request.GetContexts() {
		id, err := s.putContext(given)
		if err != nil {
			return nil, err
		}
		response.ContextIds = append(response.ContextIds, id)
	}
	return response, nil
}

// putContext inserts a context without an id, and replaces the one that has it otherwise.
func (s *store) putContext(given *pb.Context) (int64, error) {
	stored := proto.CloneOf(given)
	stored.LastUpdateTimeSinceEpoch = now()
	stored.Type = typeName(s.contextTypes, stored.GetTypeId())
	if given.Id != nil {
		if s.contexts[given.GetId()] == nil {
			return 0, status.Errorf(codes.NotFound, "no context %d", given.GetId())
		}
		s.contexts[given.GetId()] = stored
		return given.GetId(), nil
	}
	for _, other := range s.contexts {
		if other.GetName() == given.GetName() && other.GetTypeId() == given.GetTypeId() {
			return 0, status.Errorf(codes.AlreadyExists, "the context %q exists", given.GetName())
		}
	}
	stored.Id, stored.CreateTimeSinceEpoch = s.id(), now()
	s.contexts[stored.GetId()] = stored
	return stored.GetId(), nil
}

// GetContextByTypeAndName answers with nothing, not with an error, when there is none.
func (s *store) GetContextByTypeAndName(
	_ context.Context, request *pb.GetContextByTypeAndNameRequest,
) (*pb.GetContextByTypeAndNameResponse, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	kind := s.contextTypes[request.GetTypeName()]
	for _, stored := range s.contexts {
		if kind != nil && stored.GetTypeId() == kind.GetId() && stored.GetName() == request.GetContextName() {
			return &pb.GetContextByTypeAndNameResponse{Context: proto.CloneOf(stored)}, nil
		}
	}
	return &pb.GetContextByTypeAndNameResponse{}, nil
}

func (s *store) GetContextsByID(_ context.Context, request *pb.GetContextsByIDRequest) (*pb.GetContextsByIDResponse, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	return &pb.GetContextsByIDResponse{Contexts: pick(s.contexts, request.GetContextIds())}, nil
}

func (s *store) PutParentContexts(_ context.Context, request *pb.PutParentContextsRequest) (*pb.PutParentContextsResponse, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	for _, given := range request.GetParentContexts() {
		if slices.Contains(s.parents[given.GetChildId()], given.GetParentId()) {
			return nil, status.Error(codes.AlreadyExists, "the context has this parent already")
		}
		s.parents[given.GetChildId()] = append(s.parents[given.GetChildId()], given.GetParentId())
	}
	return &pb.PutParentContextsResponse{}, nil
}

func (s *store) GetParentContextsByContext(
	_ context.Context, request *pb.GetParentContextsByContextRequest,
) (*pb.GetParentContextsByContextResponse, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	return &pb.GetParentContextsByContextResponse{Contexts: pick(s.contexts, s.parents[request.GetContextId()])}, nil
}

func (s *store) GetContextsByExecution(
	_ context.Context, request *pb.GetContextsByExecutionRequest,
) (*pb.GetContextsByExecutionResponse, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	return &pb.GetContextsByExecutionResponse{Contexts: pick(s.contexts, s.associations[request.GetExecutionId()])}, nil
}

func (s *store) GetContextsByArtifact(
	_ context.Context, request *pb.GetContextsByArtifactRequest,
) (*pb.GetContextsByArtifactResponse, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	return &pb.GetContextsByArtifactResponse{Contexts: pick(s.contexts, s.attributions[request.GetArtifactId()])}, nil
}

func (s *store) PutArtifacts(_ context.Context, request *pb.PutArtifactsRequest) (*pb.PutArtifactsResponse, error) {
	if request.GetOptions() != nil || request.GetUpdateMask() != nil {
		return nil, status.Error(codes.Unimplemented, "options of PutArtifacts")
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	response := &pb.PutArtifactsResponse{}
	for _, given := range request.GetArtifacts() {
		id, err := s.putArtifact(given)
		if err != nil {
			return nil, err
		}
		response.ArtifactIds = append(response.ArtifactIds, id)
	}
	return response, nil
}

func (s *store) putArtifact(given *pb.Artifact) (int64, error) {
	stored := proto.CloneOf(given)
	stored.LastUpdateTimeSinceEpoch = now()
	stored.Type = typeName(s.artifactTypes, stored.GetTypeId())
	if given.Id != nil {
		if s.artifacts[given.GetId()] == nil {
			return 0, status.Errorf(codes.NotFound, "no artifact %d", given.GetId())
		}
		s.artifacts[given.GetId()] = stored
		return given.GetId(), nil
	}
	stored.Id, stored.CreateTimeSinceEpoch = s.id(), now()
	s.artifacts[stored.GetId()] = stored
	return stored.GetId(), nil
}

func (s *store) GetArtifactsByID(_ context.Context, request *pb.GetArtifactsByIDRequest) (*pb.GetArtifactsByIDResponse, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	return &pb.GetArtifactsByIDResponse{Artifacts: pick(s.artifacts, request.GetArtifactIds())}, nil
}

func (s *store) GetArtifactsByURI(_ context.Context, request *pb.GetArtifactsByURIRequest) (*pb.GetArtifactsByURIResponse, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	response := &pb.GetArtifactsByURIResponse{}
	for _, id := range ids(s.artifacts) {
		if slices.Contains(request.GetUris(), s.artifacts[id].GetUri()) {
			response.Artifacts = append(response.Artifacts, proto.CloneOf(s.artifacts[id]))
		}
	}
	return response, nil
}

// PutExecution inserts an execution without an id, and replaces the one that has it otherwise; then it adds the events, and binds
// execution and artifacts to the contexts.
func (s *store) PutExecution(_ context.Context, request *pb.PutExecutionRequest) (*pb.PutExecutionResponse, error) {
	if request.GetOptions() != nil {
		return nil, status.Error(codes.Unimplemented, "options of PutExecution")
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	stored := proto.CloneOf(request.GetExecution())
	stored.LastUpdateTimeSinceEpoch = now()
	stored.Type = typeName(s.executionTypes, stored.GetTypeId())
	if stored.Type == nil {
		return nil, status.Errorf(codes.InvalidArgument, "no execution type %d", stored.GetTypeId())
	}
	if stored.Id == nil {
		for _, other := range s.executions {
			if stored.Name != nil && other.GetName() == stored.GetName() && other.GetTypeId() == stored.GetTypeId() {
				return nil, status.Errorf(codes.AlreadyExists, "the execution %q exists", stored.GetName())
			}
		}
		stored.Id, stored.CreateTimeSinceEpoch = s.id(), now()
	} else if s.executions[stored.GetId()] == nil {
		return nil, status.Errorf(codes.NotFound, "no execution %d", stored.GetId())
	}
	s.executions[stored.GetId()] = stored
	response := &pb.PutExecutionResponse{ExecutionId: stored.Id}
	for _, given := range request.GetContexts() {
		id, err := s.putContext(given)
		if err != nil {
			return nil, err
		}
		response.ContextIds = append(response.ContextIds, id)
		bind(s.associations, stored.GetId(), id)
	}
	for _, pair := range request.GetArtifactEventPairs() {
		artifact := pair.GetEvent().GetArtifactId()
		if pair.GetArtifact() != nil {
			id, err := s.putArtifact(pair.GetArtifact())
			if err != nil {
				return nil, err
			}
			artifact = id
		}
		if s.artifacts[artifact] == nil {
			return nil, status.Errorf(codes.InvalidArgument, "an event of the artifact %d, which does not exist", artifact)
		}
		if pair.GetEvent() != nil {
			event := proto.CloneOf(pair.GetEvent())
			event.ArtifactId, event.ExecutionId = proto.Int64(artifact), stored.Id
			if event.MillisecondsSinceEpoch == nil {
				event.MillisecondsSinceEpoch = now()
			}
			s.events = append(s.events, event)
		}
		response.ArtifactIds = append(response.ArtifactIds, artifact)
		for _, id := range response.GetContextIds() {
			bind(s.attributions, artifact, id)
		}
	}
	return response, nil
}

func bind(table map[int64][]int64, node, to int64) {
	if !slices.Contains(table[node], to) {
		table[node] = append(table[node], to)
	}
}

func (s *store) GetExecutionsByID(_ context.Context, request *pb.GetExecutionsByIDRequest) (*pb.GetExecutionsByIDResponse, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	return &pb.GetExecutionsByIDResponse{Executions: pick(s.executions, request.GetExecutionIds())}, nil
}

// parentFilter is the one filter that the backend writes.
var parentFilter = regexp.MustCompile(`^custom_properties\.([a-z_]+)\.int_value = (-?[0-9]+)$`)

func (s *store) GetExecutionsByContext(
	_ context.Context, request *pb.GetExecutionsByContextRequest,
) (*pb.GetExecutionsByContextResponse, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	options := request.GetOptions()
	if options.GetOrderByField() != nil {
		return nil, status.Error(codes.Unimplemented, "orders other than by id")
	}
	keep := func(*pb.Execution) bool { return true }
	if filter := options.GetFilterQuery(); filter != "" {
		parts := parentFilter.FindStringSubmatch(filter)
		if parts == nil {
			return nil, status.Errorf(codes.Unimplemented, "the filter %q", filter)
		}
		keep = func(execution *pb.Execution) bool {
			value, ok := execution.GetCustomProperties()[parts[1]].GetValue().(*pb.Value_IntValue)
			return ok && strconv.FormatInt(value.IntValue, 10) == parts[2]
		}
	}
	// A page token is the last id of the page before. Pages have 20 elements, if the request does not say otherwise.
	after := int64(0)
	if token := options.GetNextPageToken(); token != "" {
		if _, err := fmt.Sscan(token, &after); err != nil {
			return nil, status.Errorf(codes.InvalidArgument, "the page token %q", token)
		}
	}
	response := &pb.GetExecutionsByContextResponse{}
	for _, id := range ids(s.executions) {
		if id <= after || !slices.Contains(s.associations[id], request.GetContextId()) || !keep(s.executions[id]) {
			continue
		}
		if len(response.Executions) == int(min(options.GetMaxResultSize(), 100)) {
			response.NextPageToken = proto.String(fmt.Sprint(response.Executions[len(response.Executions)-1].GetId()))
			break
		}
		response.Executions = append(response.Executions, proto.CloneOf(s.executions[id]))
	}
	return response, nil
}

func (s *store) GetEventsByExecutionIDs(
	_ context.Context, request *pb.GetEventsByExecutionIDsRequest,
) (*pb.GetEventsByExecutionIDsResponse, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	response := &pb.GetEventsByExecutionIDsResponse{}
	for _, event := range s.events {
		if slices.Contains(request.GetExecutionIds(), event.GetExecutionId()) {
			response.Events = append(response.Events, event)
		}
	}
	return response, nil
}

func (s *store) GetEventsByArtifactIDs(
	_ context.Context, request *pb.GetEventsByArtifactIDsRequest,
) (*pb.GetEventsByArtifactIDsResponse, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	response := &pb.GetEventsByArtifactIDsResponse{}
	for _, event := range s.events {
		if slices.Contains(request.GetArtifactIds(), event.GetArtifactId()) {
			response.Events = append(response.Events, event)
		}
	}
	return response, nil
}

// pick copies what exists of these ids.
func pick[M proto.Message](table map[int64]M, wanted []int64) []M {
	var found []M
	for _, id := range wanted {
		if stored, ok := table[id]; ok {
			found = append(found, proto.CloneOf(stored))
		}
	}
	return found
}

// ids are a table's ids in order, which is the order of creation.
func ids[M any](table map[int64]M) []int64 {
	result := make([]int64, 0, len(table))
	for id := range table {
		result = append(result, id)
	}
	slices.Sort(result)
	return result
}
