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

/// Each relative link of a page.
#[test]
fn links_within_the_project_lead_to_files() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut links = 0;
    for page in ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"] {
        let text = std::fs::read_to_string(root.join(page)).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            links += 1;
            assert!(root.join(file).exists(), "{page}: {link}");
        }
    }
    assert!(links > 3);
}
