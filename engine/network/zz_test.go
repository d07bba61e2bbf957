package network
import ("testing";"context";"time";"github.com/vishvananda/netlink")
func TestProfile(t *testing.T){ if !onHost(t){return}
 ctx:=context.Background(); l,n:=openPlane(t,"bx0"); b,_:=l.network(n.ID)
 tm:=map[string]time.Duration{}; lap:=func(k string,s time.Time){tm[k]+=time.Since(s)}
 const N=20
 for i:=0;i<N;i++{ c:=id(100+i); path,err:=l.Sandbox(ctx,c,nil); if err!=nil{t.Fatal(err)}
  s:=time.Now(); e,err:=l.claim(Request{Container:c,Network:n.ID,Endpoint:endpointID(i)},b); lap("claim",s); if err!=nil{t.Fatal(err)}
  s=time.Now(); ports,held,err:=l.reserve(Request{Endpoint:e.ID,Ports:[]Port{{Proto:"tcp",Container:80,Host:8080}}},b,e.Address.Addr()); lap("reserve",s); if err!=nil{t.Fatal(err)}
  l.setPorts(e,ports); l.hold(ctx,e.ID,held)
  s=time.Now(); idx,err:=l.connect(e,b,path); lap("connect",s); if err!=nil{t.Fatal(err)}
  s=time.Now(); l.attend(); lap("attend",s)
  s=time.Now(); err=l.rules.add(b,e); lap("rules.add",s); if err!=nil{t.Fatal(err)}
  s=time.Now(); err=l.rules.remove(b,e); lap("rules.remove",s); if err!=nil{t.Fatal(err)}
  s=time.Now(); l.holder.Drop(ctx,e.ID); lap("drop",s)
  s=time.Now(); portSettings(idx,map[uint16]byte{brportState:0}); lap("state",s)
  s=time.Now(); l.forget(e,b); l.release(ports); l.RemoveSandbox(ctx,c); lap("rmsandbox",s)
  _=netlink.LinkDel
 }
 for k,v:=range tm{ t.Log(k, v/N)}
}
