#!/usr/bin/perl
# Sends or takes packets as cheaply as a script can. What a packet costs on its way through this kernel's namespaces is
# spent in the sender's own time: so the processor time of the sending process tells the cost of the whole path.
#
# usage: traffic.pl serve PORT                       UDP and TCP; answers the first datagram of each `hello` sender
#        traffic.pl established|new ADDRESS PORT N   N datagrams of one flow, answered once or never
#        traffic.pl connect ADDRESS PORT N           N TCP connections, one after the other, each reset at once
#
# The senders print nanoseconds of processor time for each packet or connection.
use strict;
use warnings;
use POSIX ();
use Socket;

my ($deed, @words) = @ARGV;
$deed eq 'serve' ? serve(@words) : measure($deed, @words);

# Datagrams are looked at now and then, and few fit the buffer: so that the sender's time holds no wake-ups of this side.
sub serve {
    my ($port) = @_;
    socket(my $udp, PF_INET, SOCK_DGRAM, 0) or die "socket: $!";
    setsockopt($udp, SOL_SOCKET, SO_RCVBUF, 1);
    bind($udp, sockaddr_in($port, INADDR_ANY)) or die "bind: $!";
    socket(my $tcp, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
    bind($tcp, sockaddr_in($port, INADDR_ANY)) or die "bind: $!";
    listen($tcp, 1024) or die "listen: $!";
    my $accepting = fork // die "fork: $!";
    if ($accepting == 0) {
        while (accept(my $connection, $tcp)) { }
        exit;
    }
    $| = 1;
    print "ready\n";
    while (1) {
        while (my $from = recv($udp, my $text, 64, MSG_DONTWAIT)) {
            send($udp, 'hello', 0, $from) if $text eq 'hello';
        }
        select(undef, undef, undef, 0.02);
    }
}

sub measure {
    my ($kind, $address, $port, $count) = @_;
    my $to = sockaddr_in($port, inet_aton($address));
    my $sender = $kind eq 'connect' ? \&connections : \&datagrams;
    my $spent = $sender->($to, $count, $kind eq 'established');
    printf "%.0f\n", $spent * 1e9 / POSIX::CLOCKS_PER_SEC() / $count;
}

# An answered flow is an established one; what follows is read by nobody, so that the receiver costs the same always.
sub datagrams {
    my ($to, $count, $answered) = @_;
    socket(my $socket, PF_INET, SOCK_DGRAM, 0) or die "socket: $!";
    connect($socket, $to) or die "connect: $!";
    if ($answered) {
        my $answer = '';
        for (1 .. 10) {
            send($socket, 'hello', 0);
            my $in = '';
            vec($in, fileno $socket, 1) = 1;
            next unless select($in, undef, undef, 0.2);
            last if defined recv($socket, $answer, 64, 0) and $answer eq 'hello';
        }
        die "no answer\n" unless $answer eq 'hello';
    }
    my $payload = 'x' x 18;
    my $begun = POSIX::clock();
    send($socket, $payload, 0) for 1 .. $count;
    return POSIX::clock() - $begun;
}

sub connections {
    my ($to, $count) = @_;
    my $begun = POSIX::clock();
    for (1 .. $count) {
        socket(my $socket, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
        connect($socket, $to) or die "connect: $!";
        setsockopt($socket, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0));
        close($socket);
    }
    return POSIX::clock() - $begun;
}
