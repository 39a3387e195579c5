"""podman.py COMMAND...: executes it as Podman would in a container without options of its own: with
the capabilities that it leaves to root, and under its own default profile of system calls.

Run by Debian's own python3, for which there is the module `seccomp` (python3-seccomp); the profile
is in golang-github-containers-common.
"""

import ctypes
import json
import os
import platform
import sys

import seccomp

PROFILE = "/usr/share/containers/seccomp.json"
LEFT = {  # containers.conf(5), default_capabilities, and the numbers of linux/capability.h
    "CAP_CHOWN": 0, "CAP_DAC_OVERRIDE": 1, "CAP_FOWNER": 3, "CAP_FSETID": 4, "CAP_KILL": 5,
    "CAP_SETGID": 6, "CAP_SETUID": 7, "CAP_SETPCAP": 8, "CAP_NET_BIND_SERVICE": 10,
    "CAP_SYS_CHROOT": 18, "CAP_SETFCAP": 31,
}
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
OPERATORS = {
    "SCMP_CMP_EQ": seccomp.EQ, "SCMP_CMP_NE": seccomp.NE, "SCMP_CMP_GE": seccomp.GE,
    "SCMP_CMP_GT": seccomp.GT, "SCMP_CMP_LE": seccomp.LE, "SCMP_CMP_LT": seccomp.LT,
    "SCMP_CMP_MASKED_EQ": seccomp.MASKED_EQ,
}
PR_CAPBSET_DROP = 24


def action_of(rule):
    if rule["action"] == "SCMP_ACT_ALLOW":
        return seccomp.ALLOW
    if rule["action"] == "SCMP_ACT_ERRNO":
        return seccomp.ERRNO(rule.get("errnoRet", 1))
    sys.exit(f"podman.py: {rule['action']}: an action that this program does not know")


def arguments_of(rule):
    for argument in rule.get("args") or []:
        values = [argument["value"]]
        if argument["op"] == "SCMP_CMP_MASKED_EQ":
            values.append(argument["valueTwo"])
        yield seccomp.Arg(argument["index"], OPERATORS[argument["op"]], *values)


def applies(rule):
    """Whether this machine and these capabilities are among those that the rule is for."""
    includes, excludes = rule.get("includes") or {}, rule.get("excludes") or {}
    machine = ARCHITECTURES.get(platform.machine())
    return (
        all(capability in LEFT for capability in includes.get("caps", []))
        and machine in includes.get("arches", [machine])
        and not any(capability in LEFT for capability in excludes.get("caps", []))
        and machine not in excludes.get("arches", [])
    )


def filter_of(profile):
    default = seccomp.ERRNO(profile["defaultErrnoRet"])
    result = seccomp.SyscallFilter(defaction=default)
    for rule in filter(applies, profile["syscalls"]):
        if rule["action"] == "SCMP_ACT_ERRNO" and rule.get("errnoRet") == profile["defaultErrnoRet"]:
            continue  # libseccomp refuses a rule that says what the default does
        for name in rule["names"]:
            try:
                result.add_rule(action_of(rule), name, *arguments_of(rule))
            except RuntimeError as error:
                # a call of another machine, or one that this libseccomp has not heard of
                if seccomp.resolve_syscall(seccomp.Arch(), name) >= 0:
                    sys.exit(f"podman.py: {name}: {error}")
    return result


def drop_capabilities():
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as last:
        for capability in range(int(last.read()) + 1):
            if capability not in LEFT.values() and libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
                sys.exit(f"podman.py: capability {capability}: {os.strerror(ctypes.get_errno())}")


with open(PROFILE, encoding="utf-8") as profile_file:
    rules = filter_of(json.load(profile_file))
drop_capabilities()
rules.set_attr(seccomp.Attr.CTL_NNP, 0)  # Podman does not set no_new_privs by itself
rules.load()
os.execvp(sys.argv[1], sys.argv[1:])
