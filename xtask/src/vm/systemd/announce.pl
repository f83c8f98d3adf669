# Announces a kill as systemd-oomd does, and carries it out: announce CGROUP PID. Prints the reply.
use strict;
use warnings;
use IO::Socket::UNIX;

my ($cgroup, $pid) = @ARGV;
my $socket = IO::Socket::UNIX->new("/run/systemd/oomd.prekill.hook/oomtrace") or die "connecting: $!\n";
print $socket qq({"method":"io.systemd.oom.Prekill.Notify","parameters":{"cgroup":"$cgroup"}}\0);
$socket->flush;
local $/ = "\0";
my $reply = <$socket> // die "no reply\n";
chomp $reply;
print "$reply\n";
kill "KILL", $pid or die "killing $pid: $!\n";
