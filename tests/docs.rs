//! The documentation agrees with the program: it names every field, condition, reason, event, flag and
//! metric, its links lead somewhere, and its short pages stay short.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on ends with a message"
)]

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use clap::CommandFactory;
use schemars::schema_for;
use serde_json::Value;
use workmail_operator::{
    api::{self, ConditionType, EventReason, Reason},
    proof::{Closing, FindingReason, Manifest, VerifiedReport},
    runtime::Flags,
};

#[test]
fn the_page_on_the_resource_names_every_field_of_spec_and_status() {
    let definition = serde_json::to_value(api::crd()).unwrap();
    let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
    let spec = fields(&schema["spec"]);
    let status = schema["status"]["properties"].as_object().unwrap().keys();
    let page = page("docs/organization.md");
    let named = |name: &str| page.contains(&format!("`{name}`"));
    // A list or a map is named by itself, an entry of it with its path.
    let parents = ["domains[].domainName", "dns", "deletion"];
    let missing: Vec<_> = spec
        .into_iter()
        .filter(|name| !parents.contains(&name.as_str()))
        .chain(status.cloned())
        .filter(|name| !named(name))
        .collect();
    assert!(
        missing.is_empty(),
        "docs/organization.md lacks {missing:?}: say there what they mean"
    );
}

/// The fields below a schema, as `deletion.confirmAlias` and `domains[].hostedZoneId`.
fn fields(schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let below = [(field, "."), (&field["items"], "[].")];
        for (nested, between) in below {
            let nested = fields(nested).into_iter();
            found.extend(nested.map(|nested| format!("{name}{between}{nested}")));
        }
        found.push(name.clone());
    }
    found
}

#[test]
fn the_page_on_conditions_names_every_condition_reason_and_event() {
    let words = ConditionType::ALL.map(ConditionType::as_str).into_iter();
    let words = words.chain(Reason::ALL.iter().map(|reason| reason.as_str()));
    let words = words.chain(EventReason::ALL.iter().map(|reason| reason.as_str()));
    all_named("docs/conditions.md", words.map(|word| format!("`{word}`")));
}

#[test]
fn the_page_on_configuration_names_every_flag_and_every_metric() {
    let mut command = Flags::command();
    command.build();
    let run = command.find_subcommand("run").unwrap();
    let flags = run.get_arguments().filter_map(|flag| flag.get_long());
    let flags = flags.filter(|flag| *flag != "help");
    let flags: Vec<_> = flags.map(|flag| format!("`--{flag}`")).collect();
    assert!(flags.len() > 10, "{flags:?}");
    all_named("docs/configuration.md", flags);

    // A family without a label shows nothing before it counts, so the names are read from the code.
    let code = page("src/metrics/mod.rs") + &page("src/metrics/process.rs");
    let code = code.split_whitespace().collect::<Vec<_>>().join(" ");
    let name = |rest: &str| rest.split('"').next().unwrap().to_owned();
    let own = code.split("registry.register( \"").skip(1);
    let own = own.map(|rest| format!("workmail_operator_{}", name(rest)));
    let process = code.split("\"process_").skip(1);
    let process = process.map(|rest| format!("process_{}", name(rest)));
    let metrics: Vec<_> = own.chain(process).collect();
    assert!(metrics.len() >= 12, "{metrics:?}");
    let page = page("docs/configuration.md");
    let named = |metric: &String| {
        ["`", "_total`"]
            .iter()
            .any(|end| page.contains(&format!("`{metric}{end}")))
    };
    let missing: Vec<_> = metrics.iter().filter(|metric| !named(metric)).collect();
    assert!(
        missing.is_empty(),
        "docs/configuration.md lacks {missing:?}: say there what they mean"
    );
}

#[test]
fn the_page_on_proof_names_every_flag_of_its_commands_and_every_finding() {
    let mut command = Flags::command();
    command.build();
    let commands = ["verify", "unpack"].map(|name| command.find_subcommand(name).unwrap());
    let flags = commands.iter().flat_map(|command| command.get_arguments());
    let flags = flags
        .filter_map(|flag| flag.get_long())
        .filter(|flag| *flag != "help");
    let flags = flags.map(|flag| format!("`--{flag}"));
    let schema = serde_json::to_value(schema_for!(FindingReason)).unwrap();
    let reasons = schema["oneOf"].as_array().unwrap().iter();
    let reasons: Vec<_> = reasons
        .map(|reason| format!("`{}`", reason["const"].as_str().unwrap()))
        .collect();
    assert!(reasons.len() > 5, "{reasons:?}");
    all_named("docs/proof.md", flags.chain(reasons).collect::<Vec<_>>());
}

#[test]
fn every_page_and_every_decision_is_in_its_index() {
    for (folder, index) in [
        ("docs", "docs/README.md"),
        ("docs/decisions", "docs/decisions/README.md"),
    ] {
        let links = pages().into_iter().filter_map(|page| {
            let name = page.strip_prefix(&format!("{folder}/"))?;
            (!name.contains('/') && name != "README.md").then(|| format!("]({name})"))
        });
        all_named(index, links.collect::<Vec<_>>());
    }
}

#[test]
fn every_link_between_pages_leads_to_a_file_and_a_heading() {
    let mut checked = 0;
    let mut broken = Vec::new();
    for page_name in pages() {
        let text = page(&page_name);
        for link in links(&text) {
            if link.contains("://") {
                continue;
            }
            checked += 1;
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let folder = root().join(&page_name).parent().unwrap().to_owned();
            let target = if path.is_empty() {
                root().join(&page_name)
            } else {
                folder.join(path)
            };
            let leads = target.exists()
                && (heading.is_empty()
                    || headings(&fs::read_to_string(&target).unwrap()).contains(heading));
            if !leads {
                broken.push(format!("{page_name}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(checked > 100, "{checked} links");
}

/// The targets of the links of a page.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let ends = text.split("](").skip(1);
    ends.filter_map(|rest| rest.split_once(')').map(|(link, _)| link))
}

/// The anchors of the headings of a page, as GitHub makes them.
fn headings(text: &str) -> BTreeSet<String> {
    let mut in_block = false;
    let mut anchors = BTreeSet::new();
    for line in text.lines() {
        in_block ^= line.starts_with("```");
        if let Some(heading) = line.strip_prefix('#').filter(|_| !in_block) {
            let heading = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = heading
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            anchors.insert(kept.collect::<String>().replace(' ', "-"));
        }
    }
    anchors
}

#[test]
fn every_sentence_of_the_threat_model_names_a_test_that_exists() {
    let text = page("SECURITY.md");
    let table = text.lines().skip_while(|line| !line.starts_with("| --- "));
    let rows: Vec<_> = table.skip(1).take_while(|l| l.starts_with('|')).collect();
    assert!(rows.len() >= 20, "{} rows", rows.len());
    for row in rows {
        let tried_by = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let tests: Vec<_> = tried_by.split(", ").collect();
        for named in tests {
            let inner = named
                .strip_prefix('`')
                .and_then(|one| one.strip_suffix('`'));
            let (file, name) = inner
                .and_then(|one| one.split_once("::"))
                .unwrap_or_else(|| panic!("{named} is no test: {row}"));
            let source = page(file);
            let before = source.split_once(&format!("fn {name}("));
            let (before, _) = before.unwrap_or_else(|| panic!("there is no {file}::{name}"));
            let attributes = before.rsplit("\n\n").next().unwrap();
            let is_test = attributes.contains("#[test]") || attributes.contains("#[tokio::test");
            assert!(is_test || attributes.contains("#[rstest"), "{file}::{name}");
        }
    }
}

#[test]
fn the_readme_and_the_decisions_stay_short() {
    let words = |name: &str| page(name).split_whitespace().count();
    let readme = words("README.md");
    assert!(
        readme <= 900,
        "README.md has {readme} words: move some to docs/"
    );
    let decisions = pages().into_iter();
    let decisions = decisions.filter(|page| page.starts_with("docs/decisions/0"));
    let long: Vec<_> = decisions.filter(|page| words(page) > 250).collect();
    assert!(long.is_empty(), "over 250 words: {long:?}");
}

fn all_named(page_name: &str, words: impl IntoIterator<Item = String>) {
    let text = page(page_name);
    let words = words.into_iter();
    let missing: Vec<_> = words.filter(|word| !text.contains(word)).collect();
    assert!(
        missing.is_empty(),
        "{page_name} lacks {missing:?}: say there what they mean"
    );
}

#[test]
fn the_schemas_in_the_documentation_are_those_of_the_types() {
    let schemas = [
        ("manifest.v1.json", schema_for!(Manifest)),
        ("closing.v1.json", schema_for!(Closing)),
        ("verified.v1.json", schema_for!(VerifiedReport)),
    ];
    for (file, schema) in schemas {
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        let path = root().join("docs/schemas").join(file);
        if env::var("PROOF_SCHEMAS").is_ok_and(|value| value == "write") {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &text).unwrap();
        }
        assert!(
            fs::read_to_string(&path).unwrap_or_default() == text,
            "docs/schemas/{file} is not up to date: PROOF_SCHEMAS=write cargo test --test docs schemas"
        );
    }
}

/// The pages of this repository that are written by hand.
fn pages() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = ["docs", "examples", "charts", "crates"]
        .map(|folder| root().join(folder))
        .into();
    folders.push(root().to_owned());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && folder != root() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                let name = path.strip_prefix(root()).unwrap();
                found.push(name.to_str().unwrap().to_owned());
            }
        }
    }
    found
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
