//! Components that no toolchain makes: written by hand, to misbehave where a plugin in Rust cannot.

use wasmparser::{Parser, Payload, Validator, WasmFeatures};

/// The functions of the contract.
pub(crate) const FUNCTIONS: [&str; 5] =
    ["describe", "check-settings", "compose-turn", "compose-rating", "parse-rating"];

/// A component with the names of the contract and none of its types. It is let through until it is
/// instantiated, and there its core module is `core`.
pub(crate) fn plugin(core: &str) -> Vec<u8> {
    written("", core, &FUNCTIONS)
}

/// The same with other imports or functions.
pub(crate) fn written(imports: &str, core: &str, functions: &[&str]) -> Vec<u8> {
    let functions: String = functions.iter().map(|name| format!("(export \"{name}\" (func $f))")).collect();
    component(&format!(
        r#"{imports}
        (core module $m {core} (func (export "f")))
        (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f")))
        (instance $behavior {functions})
        (export "persona:behavior/behavior@0.1.0" (instance $behavior))"#
    ))
}

/// A component of these parts.
pub(crate) fn component(parts: &str) -> Vec<u8> {
    wat::parse_str(format!("(component {parts})")).unwrap_or_else(|error| panic!("{error}"))
}

/// A core module that does this when it is instantiated.
pub(crate) fn at_start(does: &str) -> String {
    format!("(memory 1) (func $start {does}) (start $start)")
}

/// A start that never ends. A hundred steps in each round, so that the fuel is gone long before the time.
pub(crate) fn endless() -> String {
    at_start(&format!("(loop $again {} (br $again))", "(drop (i32.const 0))".repeat(100)))
}

/// A plugin that calls WASI's exit when it is started.
pub(crate) fn leaving() -> Vec<u8> {
    let functions: String = FUNCTIONS.iter().map(|name| format!("(export \"{name}\" (func $f))")).collect();
    component(&format!(
        r#"(import "wasi:cli/exit@0.2.6" (instance $wasi (export "exit" (func (param "status" (result))))))
        (core func $exit (canon lower (func $wasi "exit")))
        (core module $m
            (import "wasi" "exit" (func $exit (param i32)))
            (func $start (call $exit (i32.const 1)))
            (start $start)
            (func (export "f")))
        (core instance $i (instantiate $m (with "wasi" (instance (export "exit" (func $exit))))))
        (func $f (canon lift (core func $i "f")))
        (instance $behavior {functions})
        (export "persona:behavior/behavior@0.1.0" (instance $behavior))"#
    ))
}

/// One component passes a string to another: what joins them has to see the memories of both.
pub(crate) fn two_that_talk() -> Vec<u8> {
    const LIBC: &str = r#"(memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))"#;
    component(&format!(
        r#"
        (component $listener
            (core module $m {LIBC} (func (export "hear") (param i32 i32)))
            (core instance $i (instantiate $m))
            (func (export "hear") (param "word" string)
                (canon lift (core func $i "hear") (memory $i "memory") (realloc (func $i "realloc")))))
        (component $speaker
            (import "hear" (func $hear (param "word" string)))
            (core module $libc {LIBC})
            (core instance $libc (instantiate $libc))
            (core func $lowered
                (canon lower (func $hear) (memory $libc "memory") (realloc (func $libc "realloc"))))
            (core module $m
                (import "other" "hear" (func $hear (param i32 i32)))
                (func (export "speak") (call $hear (i32.const 0) (i32.const 5))))
            (core instance $i
                (instantiate $m (with "other" (instance (export "hear" (func $lowered))))))
            (func (export "speak") (canon lift (core func $i "speak"))))
        (instance $l (instantiate $listener))
        (instance $s (instantiate $speaker (with "hear" (func $l "hear"))))
        (export "speak" (func $s "speak"))"#
    ))
}

/// `plugin` with one component more inside, which is instantiated and exported as `name`.
pub(crate) fn with_inside(plugin: &[u8], name: &str, inner: &[u8]) -> Vec<u8> {
    let (components, instances) = counts(plugin);
    let instantiated = [&[1, 0][..], &leb(components), &[0]].concat();
    let exported = [&[1, 0][..], &leb(name.len()), name.as_bytes(), &[5], &leb(instances), &[0]].concat();
    [plugin, &section(4, inner), &section(5, &instantiated), &section(11, &exported)].concat()
}

/// Components inside of components, so many levels down.
pub(crate) fn nested(levels: usize) -> Vec<u8> {
    let empty = component("");
    let mut inner = empty.clone();
    for _ in 0..levels {
        inner = [&empty[..], &section(4, &inner)].concat();
    }
    inner
}

/// `plugin` with types inside of each other, so many levels down: of components (0x41) or of instances (0x42).
pub(crate) fn with_nested_types(plugin: &[u8], kind: u8, levels: usize) -> Vec<u8> {
    // One declaration, which is of a type.
    let mut types = [&[1][..], &[kind, 1, 1].repeat(levels)].concat();
    types.extend([kind, 0]);
    let inner = [&component("")[..], &section(7, &types)].concat();
    [plugin, &section(4, &inner)].concat()
}

/// `plugin` with a component inside that instantiates the one inside of it so often, and so on, so many levels
/// down: each level multiplies.
pub(crate) fn with_multiplied(plugin: &[u8], levels: usize, each: usize) -> Vec<u8> {
    let empty = component("");
    let mut inner = empty.clone();
    for _ in 0..levels {
        let instances = [&leb(each)[..], &[0, 0, 0].repeat(each)].concat();
        inner = [&empty[..], &section(4, &inner), &section(5, &instances)].concat();
    }
    let (components, _) = counts(plugin);
    let instantiated = [&[1, 0][..], &leb(components), &[0]].concat();
    [plugin, &section(4, &inner), &section(5, &instantiated)].concat()
}

/// A plugin with a function of so many variables and so many loops: each loop is joined with all variables.
pub(crate) fn wide_function(variables: usize, loops: usize) -> Vec<u8> {
    let variables = "i64 ".repeat(variables);
    let loops = "(loop (br_if 0 (i32.const 0)))".repeat(loops);
    plugin(&format!("(func (local {variables}) {loops})"))
}

/// A section of a component: what it is, how long it is, its content.
fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id], &leb(content.len())[..], content].concat()
}

/// A number as WebAssembly writes it, in groups of seven bits.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).unwrap();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// How many components and instances a component has at its surface: the numbers that the next ones get.
fn counts(component: &[u8]) -> (usize, usize) {
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload.unwrap();
        match payload {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        validator.payload(&payload).unwrap();
    }
    let types = validator.types(0).unwrap();
    (types.component_count() as usize, types.component_instance_count() as usize)
}
