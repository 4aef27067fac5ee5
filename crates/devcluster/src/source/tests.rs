use super::*;

#[test]
fn the_pinned_modules_name_every_program_as_a_tool() {
    let all = Program::ALL.into_iter();
    for (program, oldest) in all.flat_map(|program| [(program, false), (program, true)]) {
        let Recipe {
            module, package, ..
        } = recipe(program, oldest);
        let go_mod = fs::read_to_string(Path::new(MODULES).join(module).join("go.mod")).unwrap();
        let names = [format!("\t{package}"), format!("tool {package}")];
        assert!(
            go_mod
                .lines()
                .any(|line| names.iter().any(|name| name == line)),
            "{package}"
        );
        assert!(pinned(&go_mod).is_some(), "{module}");
    }
}

#[test]
fn the_key_depends_on_every_part_of_the_source() {
    let source = |go_mod: &str, go_sum: &str, go_version: &str, ldflags: &str| {
        Source {
            module: PathBuf::new(),
            go_mod: go_mod.into(),
            go_sum: go_sum.into(),
            go_version: go_version.into(),
            ldflags: ldflags.into(),
            pinned: String::new(),
        }
        .key()
    };
    let key = source("m", "s", "v", "l");
    assert_eq!(key, source("m", "s", "v", "l"));
    assert_eq!(key.len(), 16);
    for other in [
        source("M", "s", "v", "l"),
        source("m", "S", "v", "l"),
        source("m", "s", "V", "l"),
        source("m", "s", "v", "L"),
        source("ms", "", "v", "l"),
    ] {
        assert_ne!(key, other);
    }
}

#[test]
fn the_cache_folder_follows_the_rules_of_xdg() {
    let folder = |xdg: Option<&str>, home: Option<&str>| {
        cache_folder(xdg.map(Into::into), home.map(Into::into))
    };
    assert_eq!(
        folder(Some("/x"), Some("/home/u")).unwrap(),
        Path::new("/x")
    );
    assert_eq!(
        folder(Some("relative"), Some("/home/u")).unwrap(),
        Path::new("/home/u/.cache")
    );
    assert_eq!(
        folder(Some(""), Some("/home/u")).unwrap(),
        Path::new("/home/u/.cache")
    );
    assert_eq!(
        folder(None, Some("/home/u")).unwrap(),
        Path::new("/home/u/.cache")
    );
    assert!(matches!(folder(None, None), Err(Error::NoCacheFolder)));
}
