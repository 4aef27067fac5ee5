use std::{env, fs, path::PathBuf};

use super::*;

const SOON: Duration = Duration::from_secs(10);

/// A folder for one test, with a janitor who removes it.
fn folder() -> (PathBuf, Janitor) {
    let folder = env::temp_dir().join(format!("guardian-{:016x}", rand::random::<u64>()));
    fs::create_dir(&folder).unwrap();
    let janitor = Janitor::spawn(std::slice::from_ref(&folder)).unwrap();
    (folder, janitor)
}

/// A shell script under a guardian, with its output in `folder/log`.
fn run(script: &str, folder: &Path, janitor: &Janitor) -> Guarded {
    let log = File::create(folder.join("log")).unwrap();
    Guarded::spawn(Path::new("/bin/sh"), ["-c", script], folder, log, janitor).unwrap()
}

/// The first line that the script wrote.
async fn first_line(folder: &Path) -> String {
    let deadline = Instant::now() + SOON;
    loop {
        let log = fs::read_to_string(folder.join("log")).unwrap();
        if let Some((line, _)) = log.split_once('\n') {
            return line.to_owned();
        }
        assert!(Instant::now() < deadline, "nothing was written");
        tokio::time::sleep(LOOK).await;
    }
}

fn is_alive(pid: &str) -> bool {
    Path::new("/proc").join(pid).exists()
}

#[tokio::test]
async fn a_server_that_ends_by_itself_passes_its_status_on() {
    let (folder, janitor) = folder();
    let mut server = run("exit 3", &folder, &janitor);
    assert_eq!(server.wait(SOON).await.unwrap().code(), Some(3));
}

#[tokio::test]
async fn a_program_that_is_not_there_is_an_end_with_a_reason_in_the_log() {
    let (folder, janitor) = folder();
    let log = File::create(folder.join("log")).unwrap();
    let nothing: [&str; 0] = [];
    let mut server =
        Guarded::spawn(Path::new("/nowhere/etcd"), nothing, &folder, log, &janitor).unwrap();
    assert_eq!(server.wait(SOON).await.unwrap().code(), Some(127));
    assert!(first_line(&folder).await.contains("/nowhere/etcd"));
}

#[tokio::test]
async fn a_server_is_asked_to_end_and_may_tidy_up() {
    let (folder, janitor) = folder();
    let script = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done";
    let mut server = run(script, &folder, &janitor);
    assert_eq!(first_line(&folder).await, "ready");
    server.terminate();
    assert_eq!(server.wait(SOON).await.unwrap().code(), Some(7));
}

#[tokio::test]
async fn a_server_that_ignores_sigterm_is_killed_by_sigkill() {
    let (folder, janitor) = folder();
    let mut server = run(
        "trap '' TERM; echo ready; while :; do sleep 0.01; done",
        &folder,
        &janitor,
    );
    assert_eq!(first_line(&folder).await, "ready");
    server.terminate();
    assert_eq!(server.wait(Duration::from_millis(100)).await, None);
    assert_eq!(server.end().await.unwrap().code(), Some(128 + 9));
}

#[tokio::test]
async fn a_server_and_its_folder_are_gone_when_the_owner_lets_go() {
    let (folder, janitor) = folder();
    let server = run("echo $$; exec sleep 1000", &folder, &janitor);
    let pid = first_line(&folder).await;
    assert!(is_alive(&pid));
    drop(server);
    assert!(!is_alive(&pid));
    drop(janitor);
    assert!(!folder.exists());
}

#[tokio::test]
async fn the_folder_stays_as_long_as_any_guardian() {
    let (folder, mut janitor) = folder();
    let server = run("echo $$; exec sleep 1000", &folder, &janitor);
    let pid = first_line(&folder).await;
    // As if the owner were gone, but for this guardian.
    janitor.alive = None;
    assert!(matches!(janitor.process.try_wait(), Ok(None)) && folder.exists());
    drop(server);
    wait(&mut janitor.process, SOON);
    assert!(!is_alive(&pid) && !folder.exists());
}

#[tokio::test]
async fn the_environment_of_the_owner_sets_no_flag_of_a_server() {
    let (folder, janitor) = folder();
    let mut server = run("echo $(env | cut -d= -f1)", &folder, &janitor);
    server.wait(SOON).await.unwrap();
    let names = first_line(&folder).await;
    // PWD, SHLVL and _ are the shell's own.
    assert!(
        names
            .split(' ')
            .all(|name| ["PATH", "PWD", "SHLVL", "_"].contains(&name)),
        "{names}"
    );
}
