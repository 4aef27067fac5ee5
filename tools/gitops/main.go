// Command gitops tells what Argo CD and Flux say of objects. It reads them as JSON, one after the
// other, and writes a line of JSON for each:
//
//	gitops examples/gitops/argocd/health.lua < objects.json
//
// It runs the health check in Argo CD's interpreter with the libraries that Argo CD opens for the
// scripts of its users, and asks the kstatus library that Flux asks.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// verdict is what one tool says of an object.
type verdict struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

type verdicts struct {
	Argo verdict `json:"argo"`
	// ArgoBefore36 is what versions before 3.6 say.
	ArgoBefore36 verdict `json:"argoBefore36"`
	Flux         verdict `json:"flux"`
}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gitops:", err)
		os.Exit(1)
	}
}

func run(arguments []string, in io.Reader, out io.Writer) error {
	if len(arguments) != 1 {
		return errors.New("usage: gitops HEALTH_LUA < objects.json")
	}
	script, err := os.ReadFile(arguments[0])
	if err != nil {
		return err
	}
	objects, lines := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var text json.RawMessage
		if err := objects.Decode(&text); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		// As a client reads it: integers stay integers.
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(text); err != nil {
			return err
		}
		said, err := judge(object, string(script))
		if err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
		if err := lines.Encode(said); err != nil {
			return err
		}
	}
}

func judge(object *unstructured.Unstructured, script string) (verdicts, error) {
	health, deletion, err := check(object.Object, script)
	if err != nil {
		return verdicts{}, err
	}
	flux, err := status.Compute(object)
	if err != nil {
		return verdicts{}, err
	}
	said := verdicts{
		Argo:         health,
		ArgoBefore36: health,
		Flux:         verdict{flux.Status.String(), flux.Message},
	}
	// Of what is being deleted Argo CD speaks for itself; since 3.6 a check may, with a message for
	// this (GetResourceHealth of its gitops-engine).
	if object.GetDeletionTimestamp() != nil {
		said.ArgoBefore36 = verdict{"Progressing", "Pending deletion"}
		said.Argo = said.ArgoBefore36
		if deletion != "" {
			said.Argo = verdict{health.Status, deletion}
		}
	}
	return said, nil
}

// check runs the script on an object, and gives its answer and what it says of a deletion.
func check(object map[string]any, script string) (verdict, string, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	// Neither string nor math: the check has to do without them.
	for _, library := range []struct {
		name string
		open lua.LGFunction
	}{
		{lua.LoadLibName, lua.OpenPackage},
		{lua.BaseLibName, lua.OpenBase},
		{lua.TabLibName, lua.OpenTable},
	} {
		state.Push(state.NewFunction(library.open))
		state.Push(lua.LString(library.name))
		state.Call(1, 0)
	}
	state.SetGlobal("obj", toLua(state, object))
	if err := state.DoString(script); err != nil {
		return verdict{}, "", err
	}
	answer, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return verdict{}, "", fmt.Errorf("the health check answers with a %s", state.Get(-1).Type())
	}
	field := func(name string) string { return lua.LVAsString(answer.RawGetString(name)) }
	switch health := field("status"); health {
	case "Healthy", "Progressing", "Degraded", "Suspended", "Missing", "Unknown":
		return verdict{health, field("message")}, field("deletionMessage"), nil
	default:
		return verdict{}, "", fmt.Errorf("%q is no health", health)
	}
}

// toLua gives a value of JSON as Argo CD gives it to a script.
func toLua(state *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case bool:
		return lua.LBool(value)
	case float64:
		return lua.LNumber(value)
	case int64:
		return lua.LNumber(value)
	case string:
		return lua.LString(value)
	case []any:
		table := state.NewTable()
		for _, item := range value {
			table.Append(toLua(state, item))
		}
		return table
	case map[string]any:
		table := state.NewTable()
		for name, item := range value {
			table.RawSetString(name, toLua(state, item))
		}
		return table
	default:
		return lua.LNil
	}
}
