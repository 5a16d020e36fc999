//! The process by `/proc`: memory, files, CPU time, start. Where there is no `/proc`, there are no numbers.

use std::fs;

/// Linux counts CPU time and starts in hundredths of a second for every program, whatever its own clock rate.
const TICKS_PER_SECOND: f64 = 100.0;

/// What the system says of this process.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Process {
    pub(super) resident_bytes: u64,
    pub(super) cpu_seconds: f64,
    /// Seconds since the epoch.
    pub(super) start_seconds: f64,
    pub(super) threads: u64,
    pub(super) open_fds: u64,
    pub(super) max_fds: Option<u64>,
}

impl Process {
    /// The process now.
    pub(super) fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let boot = fs::read_to_string("/proc/stat").ok()?;
        let limits = fs::read_to_string("/proc/self/limits").ok()?;
        // The one that lists the folder is open meanwhile.
        let fds = fs::read_dir("/proc/self/fd")
            .ok()?
            .count()
            .saturating_sub(1);
        Self::parse(&stat, &status, &boot, &limits, u64::try_from(fds).ok()?)
    }

    fn parse(stat: &str, status: &str, boot: &str, limits: &str, open_fds: u64) -> Option<Self> {
        // The program's name stands in parentheses and may hold anything; proc(5) counts fields from 1.
        let (_, after_name) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let field = |number: usize| fields.get(number.checked_sub(3)?)?.parse::<f64>().ok();
        let line = |name: &str| {
            status.lines().find_map(|line| {
                line.strip_prefix(name)?
                    .split_whitespace()
                    .next()?
                    .parse()
                    .ok()
            })
        };
        let booted: f64 = boot
            .lines()
            .find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())?;
        let resident_kib: u64 = line("VmRSS:")?;
        let max_fds = limits.lines().find_map(|line| {
            let rest = line.strip_prefix("Max open files")?;
            rest.split_whitespace().next()?.parse().ok()
        });
        Some(Self {
            resident_bytes: resident_kib.checked_mul(1024)?,
            cpu_seconds: (field(14)? + field(15)?) / TICKS_PER_SECOND,
            start_seconds: booted + field(22)? / TICKS_PER_SECOND,
            threads: line("Threads:")?,
            open_fds,
            max_fds,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Process;

    #[test]
    fn a_process_is_read_as_proc_5_says() {
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194304 500 0 0 0 150 50 0 0 20 0 7 0 1000 0 0";
        let status = "Name:\tx\nVmRSS:\t    2048 kB\nThreads:\t7\n";
        let boot = "cpu 1 2 3\nbtime 1700000000\nprocesses 5\n";
        let limits = "Limit  Soft Hard Units\nMax open files            1024                 524288               files\n";
        let found = Process::parse(stat, status, boot, limits, 12);
        let expected = Process {
            resident_bytes: 2 << 20,
            cpu_seconds: 2.0,
            start_seconds: 1_700_000_010.0,
            threads: 7,
            open_fds: 12,
            max_fds: Some(1024),
        };
        assert_eq!(found, Some(expected));
        assert_eq!(Process::parse("42 (x) S", status, boot, limits, 12), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_is_there() {
        let process = Process::read().unwrap();
        assert!(process.resident_bytes > 1 << 20, "{process:?}");
        assert!(process.open_fds >= 3, "{process:?}");
        assert!(process.start_seconds > 1e9, "{process:?}");
    }
}
