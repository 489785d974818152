use axum_upstash::env::VARIABLES;
use std::collections::BTreeSet;

#[test]
fn readme_lists_exactly_the_variables_that_are_read() {
    let readme = include_str!("../../README.md");
    let table = readme.split("<!-- variables -->").nth(1).expect("README has its table of variables");
    let listed: BTreeSet<&str> = table
        .lines()
        .filter(|line| line.starts_with("| `"))
        .flat_map(|line| line.split('|').take(3).flat_map(|cell| cell.split('`').skip(1).step_by(2)))
        .collect();
    let read: BTreeSet<&str> =
        VARIABLES.iter().flat_map(|variable| [Some(variable.name), variable.alias]).flatten().collect();
    assert_eq!(listed, read);
}
