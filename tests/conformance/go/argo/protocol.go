// The protocol between the tests and the programs that hold the engines: one JSON object a line, one answer a line, in order.
//
// The files of this folder become part of a package of the engine itself (see ../../build.py), so the clause below is rewritten there.
package conformance

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
)

// operations are the questions that a program answers, by the request's `op`. Files that add some do so in their init functions.
var operations = map[string]func(request json.RawMessage) (any, error){
	"version": version,
	"usage":   usage,
}

// serve answers requests until the input ends.
func serve() {
	// A question leaves little behind and throws much away: a fifth of the time goes into looking for garbage otherwise.
	debug.SetGCPercent(400)
	// Whatever an engine prints must not get between the answers.
	answers := bufio.NewWriter(os.Stdout)
	os.Stdout = os.Stderr
	requests := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := requests.ReadBytes('\n')
		if len(line) > 0 {
			encoder := json.NewEncoder(answers)
			encoder.SetEscapeHTML(false)
			if err := encoder.Encode(answer(line)); err != nil {
				_ = encoder.Encode(map[string]any{"error": err.Error()})
			}
			// Who asks many questions at once gets many answers at once.
			if requests.Buffered() == 0 && answers.Flush() != nil {
				return
			}
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func answer(line []byte) (reply any) {
	defer func() {
		if r := recover(); r != nil {
			reply = map[string]any{"error": fmt.Sprintf("panic: %v\n%s", r, debug.Stack())}
		}
	}()
	var head struct {
		Op string `json:"op"`
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return map[string]any{"error": err.Error()}
	}
	operation, ok := operations[head.Op]
	if !ok {
		return map[string]any{"error": fmt.Sprintf("this program has no operation %q", head.Op)}
	}
	reply, err := operation(line)
	if err != nil {
		return map[string]any{"error": err.Error()}
	}
	return reply
}

// engineVersion is set by the linker, from the pins in go.mod.
var engineVersion string

func version(json.RawMessage) (any, error) {
	return map[string]any{"engine": engineName, "version": engineVersion, "go": runtime.Version()}, nil
}

// usage is what the program holds, for the test that plays leave nothing behind.
func usage(json.RawMessage) (any, error) {
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return map[string]any{"goroutines": runtime.NumGoroutine(), "heap_bytes": memory.HeapAlloc}, nil
}
