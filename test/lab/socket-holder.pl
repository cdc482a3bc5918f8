#!/usr/bin/perl
# Does for one socket and one service what systemd does: listens first, starts the service when somebody connects, hands
# the socket over (sd_listen_fds(3)), and starts it again when it has ended. The service's pid is in PATH.pid.
#
# usage: socket-holder.pl PATH COMMAND...
use strict;
use warnings;
use POSIX ();
use Socket;

# Perl would close the socket in the service.
BEGIN { $^F = 10 }

my ($path, @command) = @ARGV;
my $service;
socket(my $socket, AF_UNIX, SOCK_STREAM, 0) or die "socket: $!";
unlink $path;
bind($socket, sockaddr_un($path)) or die "bind: $!";
listen($socket, 128) or die "listen: $!";
$SIG{TERM} = sub { kill 'TERM', $service if $service; exit 0 };

while (1) {
  my $waiting = '';
  vec($waiting, fileno($socket), 1) = 1;
  select($waiting, undef, undef, undef);
  $service = fork // die "fork: $!";
  if ($service == 0) {
    POSIX::dup2(fileno($socket), 3);
    @ENV{qw(LISTEN_PID LISTEN_FDS)} = ($$, 1);
    exec @command or die "$command[0]: $!";
  }
  open(my $file, '>', "$path.pid") or die "$path.pid: $!";
  print $file $service;
  close $file;
  waitpid($service, 0);
}
