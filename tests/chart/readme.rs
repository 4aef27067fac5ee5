//! The README of the chart: its table says what values.yaml says, its commands work.

use std::{env, fs, process::Command};

use crate::{
    helm::{CHART, program, succeeded},
    values::{explained, text},
};

/// Where the table begins.
const TABLE: &str = "<!-- From the comments of values.yaml, by `make chart-docs`. -->\n";

#[test]
fn the_readme_explains_every_value_as_the_values_do() {
    let readme = text("README.md");
    let (before, _) = readme.split_once(TABLE).unwrap();
    let expected = format!("{before}{TABLE}\n{}", table());
    if env::var_os("CHART_DOCS").is_some_and(|wish| wish == "write") {
        fs::write(format!("{CHART}/README.md"), expected).unwrap();
        return;
    }
    let differs = readme
        .lines()
        .zip(expected.lines().chain([""]))
        .find(|(a, b)| a != b);
    assert!(
        readme == expected,
        "run `make chart-docs`, and commit what it changes. The first difference, as it is and as it should \
         be: {differs:#?}"
    );
}

fn table() -> String {
    let mut table = "| value | default | meaning |\n| --- | --- | --- |\n".to_owned();
    for value in explained(&text("values.yaml")).unwrap() {
        let cells = format!(
            "| `{}` | `{}` | {} |\n",
            value.name, value.default, value.meaning
        );
        assert_eq!(cells.matches('|').count(), 4, "{cells}");
        table.push_str(&cells);
    }
    table
}

/// The commands of the README's console blocks, continued lines included.
fn commands() -> Vec<String> {
    let readme = text("README.md");
    let blocks = readme.split("```console\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap());
    blocks
        .flat_map(|block| block.split("$ ").skip(1).map(str::to_owned))
        .collect()
}

#[test]
fn every_installation_of_the_readme_is_one_that_helm_makes() {
    let installs: Vec<_> = commands()
        .into_iter()
        .filter(|one| one.starts_with("helm install"))
        .collect();
    assert_eq!(installs.len(), 4, "{installs:#?}");
    let rendered: Vec<_> = installs.iter().map(|command| rendered(command)).collect();
    for (release, command) in rendered.iter().zip(&installs) {
        assert!(
            release.contains("image: registry.example/workmail-operator:"),
            "{command}"
        );
        assert!(release.contains("- --region=us-east-1"), "{command}");
        assert_eq!(
            release.contains("eks.amazonaws.com/role-arn: arn:aws:iam::"),
            command.contains("role-arn"),
            "{command}"
        );
        assert_eq!(
            release.contains("secretRef:"),
            command.contains("secretRef"),
            "{command}"
        );
    }
    // With IRSA and from a Secret; the first and Pod Identity's are the same.
    let names = |word: &str| {
        installs
            .iter()
            .filter(|command| command.contains(word))
            .count()
    };
    assert_eq!((names("role-arn"), names("secretRef")), (1, 1));
    assert_eq!(rendered[0], rendered[2]);
}

#[test]
fn an_installation_takes_no_more_than_five_lines() {
    for command in commands() {
        assert!(command.trim_end().lines().count() <= 5, "{command}");
    }
}

/// What the command would install.
fn rendered(command: &str) -> String {
    let script = format!("helm() {{ \"$HELM\" template \"${{@:2}}\"; }}\n{command}");
    let mut bash = Command::new("bash");
    bash.args(["-euc", &script])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("HELM", program())
        .env("HOME", "/nonexistent");
    succeeded(bash.output().unwrap())
}

#[test]
fn the_documents_that_the_readme_points_to_exist() {
    let readme = text("README.md");
    let links: Vec<_> = readme
        .split("](")
        .skip(1)
        .map(|rest| rest.split([')', '#']).next().unwrap())
        .collect();
    assert!(!links.is_empty());
    for link in links {
        assert!(fs::exists(format!("{CHART}/{link}")).unwrap(), "{link}");
    }
}
