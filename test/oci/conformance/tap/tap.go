// Package tap is what the programs of runtime-tools use of a library that Debian does not have: TAP on standard output.
package tap

import (
	"encoding/json"
	"fmt"
	"strings"
)

// T counts the tests of one program.
type T struct {
	count *int
	todo  bool
}

// New is a program without tests yet.
func New() *T { return &T{count: new(int)} }

// Header prints the version, and how many tests will follow where that is known.
func (t *T) Header(tests int) {
	fmt.Println("TAP version 13")
	if tests > 0 {
		fmt.Printf("1..%d\n", tests)
	}
}

// AutoPlan prints how many tests there were.
func (t *T) AutoPlan() { fmt.Printf("1..%d\n", *t.count) }

// Todo is for tests that need not pass.
func (t *T) Todo() *T { return &T{t.count, true} }

// Ok prints the outcome of one test.
func (t *T) Ok(passed bool, description string) {
	*t.count++
	word := "ok"
	if !passed {
		word = "not ok"
	}
	if t.todo {
		description += " # TODO"
	}
	fmt.Printf("%s %d - %s\n", word, *t.count, strings.ReplaceAll(description, "\n", " "))
}

// Pass is a test that passed.
func (t *T) Pass(description string) { t.Ok(true, description) }

// Fail is a test that failed.
func (t *T) Fail(description string) { t.Ok(false, description) }

// Skip leaves out some tests.
func (t *T) Skip(tests int, why string) {
	for ; tests > 0; tests-- {
		*t.count++
		fmt.Printf("ok %d # SKIP %s\n", *t.count, why)
	}
}

// Diagnostic prints a remark.
func (t *T) Diagnostic(text string) {
	fmt.Println("# " + strings.ReplaceAll(text, "\n", "\n# "))
}

// Diagnosticf prints a formatted remark.
func (t *T) Diagnosticf(format string, values ...interface{}) {
	t.Diagnostic(fmt.Sprintf(format, values...))
}

// YAML prints details of the last test; JSON is YAML.
func (t *T) YAML(details interface{}) error {
	text, err := json.MarshalIndent(details, "  ", "  ")
	if err == nil {
		fmt.Printf("  ---\n  %s\n  ...\n", text)
	}
	return err
}
