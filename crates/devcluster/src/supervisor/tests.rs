use std::{env, fs, path::PathBuf};

use super::*;

const SOON: Duration = Duration::from_secs(10);

/// Creates a folder for one test, and a cleanup that removes it.
fn folder() -> (PathBuf, Cleanup) {
    let folder = env::temp_dir().join(format!("supervisor-{:016x}", rand::random::<u64>()));
    fs::create_dir(&folder).unwrap();
    let cleanup = Cleanup::spawn(std::slice::from_ref(&folder)).unwrap();
    (folder, cleanup)
}

/// Runs a shell script with a supervisor, and its output in `folder/log`.
fn run(script: &str, folder: &Path, cleanup: &Cleanup) -> Supervised {
    let log = File::create(folder.join("log")).unwrap();
    Supervised::spawn(Path::new("/bin/sh"), ["-c", script], folder, log, cleanup).unwrap()
}

/// Waits for the first line that the script writes, and returns it.
async fn first_line(folder: &Path) -> String {
    let deadline = Instant::now() + SOON;
    loop {
        let log = fs::read_to_string(folder.join("log")).unwrap();
        if let Some((line, _)) = log.split_once('\n') {
            return line.to_owned();
        }
        assert!(Instant::now() < deadline, "nothing was written");
        tokio::time::sleep(CHECK_INTERVAL).await;
    }
}

fn is_alive(pid: &str) -> bool {
    Path::new("/proc").join(pid).exists()
}

#[tokio::test]
async fn the_exit_status_of_a_server_is_returned() {
    let (folder, cleanup) = folder();
    let mut server = run("exit 3", &folder, &cleanup);
    assert_eq!(server.wait(SOON).await.unwrap().code(), Some(3));
}

#[tokio::test]
async fn a_missing_program_ends_with_status_127_and_a_reason_in_the_log() {
    let (folder, cleanup) = folder();
    let log = File::create(folder.join("log")).unwrap();
    let nothing: [&str; 0] = [];
    let mut server =
        Supervised::spawn(Path::new("/nowhere/etcd"), nothing, &folder, log, &cleanup).unwrap();
    assert_eq!(server.wait(SOON).await.unwrap().code(), Some(127));
    assert!(first_line(&folder).await.contains("/nowhere/etcd"));
}

#[tokio::test]
async fn sigterm_lets_a_server_end_in_its_own_way() {
    let (folder, cleanup) = folder();
    let script = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done";
    let mut server = run(script, &folder, &cleanup);
    assert_eq!(first_line(&folder).await, "ready");
    server.terminate();
    assert_eq!(server.wait(SOON).await.unwrap().code(), Some(7));
}

#[tokio::test]
async fn sigkill_ends_a_server_that_ignores_sigterm() {
    let (folder, cleanup) = folder();
    let mut server = run(
        "trap '' TERM; echo ready; while :; do sleep 0.01; done",
        &folder,
        &cleanup,
    );
    assert_eq!(first_line(&folder).await, "ready");
    server.terminate();
    assert_eq!(server.wait(Duration::from_millis(100)).await, None);
    assert_eq!(server.end().await.unwrap().code(), Some(128 + 9));
}

#[tokio::test]
async fn dropping_ends_the_server_and_removes_the_folder() {
    let (folder, cleanup) = folder();
    let server = run("echo $$; exec sleep 1000", &folder, &cleanup);
    let pid = first_line(&folder).await;
    assert!(is_alive(&pid));
    drop(server);
    assert!(!is_alive(&pid));
    drop(cleanup);
    assert!(!folder.exists());
}

#[tokio::test]
async fn the_folder_stays_until_every_supervisor_has_ended() {
    let (folder, mut cleanup) = folder();
    let server = run("echo $$; exec sleep 1000", &folder, &cleanup);
    let pid = first_line(&folder).await;
    // This is what the end of the owner closes.
    cleanup.alive = None;
    assert!(matches!(cleanup.process.try_wait(), Ok(None)) && folder.exists());
    drop(server);
    wait(&mut cleanup.process, SOON);
    assert!(!is_alive(&pid) && !folder.exists());
}

#[tokio::test]
async fn a_server_does_not_get_the_environment_of_the_owner() {
    let (folder, cleanup) = folder();
    let mut server = run("echo $(env | cut -d= -f1)", &folder, &cleanup);
    server.wait(SOON).await.unwrap();
    let names = first_line(&folder).await;
    // The shell sets PWD, SHLVL and _.
    assert!(
        names
            .split(' ')
            .all(|name| ["PATH", "PWD", "SHLVL", "_"].contains(&name)),
        "{names}"
    );
}
