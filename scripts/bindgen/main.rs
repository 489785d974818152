//! Makes JavaScript of a wasm module: `bindgen MODULE.wasm DIRECTORY`, which gets `worker.js` and `worker_bg.wasm`.

use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [module, directory] = &std::env::args().skip(1).collect::<Vec<_>>()[..] else {
        return Err("usage: bindgen MODULE.wasm DIRECTORY".into());
    };
    let mut bindgen = Bindgen::new();
    bindgen.input_path(module).out_name("worker").typescript(false).remove_name_section(true);
    Ok(bindgen.web(true)?.generate(directory)?)
}
