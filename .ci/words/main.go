// Command words checks what people read: that no text uses a word of the list in
// plain.go, and that no message shows a length of time as Go prints it, such as 1m0s, in
// place of package span.
//
//	go run ./.ci/words ./...
package main

import (
	"fmt"
	"go/ast"
	"go/types"
	"os"
	"strings"

	"golang.org/x/tools/go/packages"
)

func main() {
	found, err := durations(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	for i, where := range found {
		found[i] = where + ": a length of time as Go prints it: use span.Words, or span.Typed for what one types"
	}
	unclear, err := unclear(".")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	found = append(found, unclear...)
	for _, line := range found {
		fmt.Println(line)
	}
	if len(found) > 0 {
		os.Exit(1)
	}
}

// durations lists the places of packages that hand a time.Duration to a function which
// formats it, or call its String method.
func durations(patterns []string) (found []string, err error) {
	const mode = packages.NeedName | packages.NeedFiles | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedImports | packages.NeedExportFile
	loaded, err := packages.Load(&packages.Config{Mode: mode}, patterns...)
	if err != nil {
		return nil, err
	}
	for _, p := range loaded {
		if len(p.Errors) > 0 {
			return nil, p.Errors[0]
		}
		if strings.HasSuffix(p.PkgPath, "internal/span") || strings.Contains(p.PkgPath, "/search/internal/") { // the one place, and a tool of its authors
			continue
		}
		for _, file := range p.Syntax {
			ast.Inspect(file, func(node ast.Node) bool {
				if call, ok := node.(*ast.CallExpr); ok && shows(p.TypesInfo, call) {
					found = append(found, p.Fset.Position(call.Pos()).String())
				}
				return true
			})
		}
	}
	return found, nil
}

// shows reports whether a call formats a time.Duration.
func shows(info *types.Info, call *ast.CallExpr) bool {
	if method, ok := call.Fun.(*ast.SelectorExpr); ok && method.Sel.Name == "String" && isDuration(info, method.X) {
		return true
	}
	signature, ok := info.TypeOf(call.Fun).(*types.Signature)
	if !ok || !signature.Variadic() {
		return false
	}
	last, ok := signature.Params().At(signature.Params().Len() - 1).Type().(*types.Slice)
	if !ok { // append([]byte, string...)
		return false
	}
	if _, anything := last.Elem().Underlying().(*types.Interface); !anything {
		return false
	}
	for i, argument := range call.Args {
		if i >= signature.Params().Len()-1 && isDuration(info, argument) {
			return true
		}
	}
	return false
}

func isDuration(info *types.Info, expression ast.Expr) bool {
	kind := info.TypeOf(expression)
	return kind != nil && kind.String() == "time.Duration"
}
