//! Takes README's first program out of it, so that the tests run what users copy.

use std::{env, fs, path::Path};

const ADDRESS: &str = "\"127.0.0.1:3000\"";
const LOG: &str = "tracing_subscriber::fmt().init();";
const SESSION_LAYER: &str = ".layer(upstash.session_layer())";

fn main() {
    println!("cargo::rerun-if-changed=../README.md");
    let readme = fs::read_to_string("../README.md").expect("README.md is beside this package");
    let program = readme.split("```rust").nth(1).and_then(|block| block.split("```").next()).expect("it has a program");
    let (_, program) = program.split_once('\n').expect("the fence ends a line");
    // A test needs a port of its own. Nothing else is changed but the line that a variant is about.
    let address = format!("std::env::var(\"ADDRESS\").as_deref().unwrap_or({ADDRESS})");
    let program = replaced(program, ADDRESS, &address);
    let out = env::var_os("OUT_DIR").expect("cargo sets it");
    let write = |name: &str, text: &str| fs::write(Path::new(&out).join(name), text).expect("cargo made the directory");
    write("readme.rs", &program);
    write("readme_without_log.rs", &replaced(&program, LOG, ""));
    write("readme_without_session_layer.rs", &replaced(&program, SESSION_LAYER, ""));
}

fn replaced(program: &str, part: &str, by: &str) -> String {
    assert!(program.contains(part), "README's program has changed: {part} is not in it");
    program.replace(part, by)
}
