//! The environment of the tests.
#![cfg(target_arch = "wasm32")]

use js_sys::{Reflect, global};

/// A variable of the process.
pub fn variable(name: &str) -> String {
    let get = |object, key: &str| Reflect::get(&object, &key.into()).unwrap();
    let value = get(get(get(global().into(), "process"), "env"), name);
    value.as_string().unwrap_or_else(|| panic!("{name} is not set"))
}
