//! The programs of `examples/`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// An example, built if it is not, or not the one of this source.
pub(crate) fn example(name: &str) -> PathBuf {
    // target/<profile>/deps/<this test>
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args([
        "build",
        "--quiet",
        "--package",
        "axum-upstash-examples",
        "--bin",
        name,
        "--all-features",
        "--profile",
    ]);
    build.arg(if profile.ends_with("debug") { "dev".as_ref() } else { profile.file_name().unwrap() });
    build.arg("--target-dir").arg(profile.parent().unwrap()).current_dir(env!("CARGO_MANIFEST_DIR"));
    assert!(build.status().unwrap().success(), "the example does not build");
    profile.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}
