// The command protos writes Go code for protocol buffers from their descriptors: `protos FOLDER DESCRIPTOR...`. The code is that of
// protoc-gen-go, whose only input are descriptors anyway; protoc itself, which makes them from texts, is not needed.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/cmd/protoc-gen-go/internal_gengo"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// root is the prefix of the packages' paths. What follows it is the path below the folder.
const root = "github.com/kubeflow/pipelines/"

func main() {
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(folder string, descriptors []string) error {
	request := &pluginpb.CodeGeneratorRequest{}
	// What the descriptors refer to, in an order in which nothing refers to what comes later.
	for _, message := range []proto.Message{&anypb.Any{}, &durationpb.Duration{}, &structpb.Struct{}, &status.Status{}} {
		request.ProtoFile = append(request.ProtoFile, protodesc.ToFileDescriptorProto(message.ProtoReflect().Descriptor().ParentFile()))
	}
	for _, path := range descriptors {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file := &descriptorpb.FileDescriptorProto{}
		if err := proto.Unmarshal(data, file); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		request.ProtoFile = append(request.ProtoFile, file)
		request.FileToGenerate = append(request.FileToGenerate, file.GetName())
	}
	plugin, err := protogen.Options{}.New(request)
	if err != nil {
		return err
	}
	for _, file := range plugin.Files {
		if file.Generate {
			internal_gengo.GenerateFile(plugin, file)
		}
	}
	response := plugin.Response()
	if response.Error != nil {
		return fmt.Errorf("%s", response.GetError())
	}
	for _, file := range response.GetFile() {
		below, ok := strings.CutPrefix(file.GetName(), root)
		if !ok {
			return fmt.Errorf("%s is no package of %s", file.GetName(), root)
		}
		path := filepath.Join(folder, below)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(file.GetContent()), 0o644); err != nil {
			return err
		}
	}
	return nil
}
