@rem The shell of npm on Windows has no "exec", which the scripts of package.json use so that signals reach Node; this file stands in for it.
@%*
